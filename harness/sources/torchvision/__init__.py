"""Torchvision: its networks, names, published figures and preprocessing."""

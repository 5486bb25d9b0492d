"""PaddleClas: its networks, names, weights files and preprocessing."""

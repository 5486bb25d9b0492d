"""timm: its networks, names, table of results and preprocessing."""

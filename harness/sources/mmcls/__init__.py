"""MMPretrain, once MMClassification: its networks, names, figures and preprocessing."""

"""From a network's outputs to the classes that are reported, and to the hits that are counted.

Pure, in float64, and about class ids alone: what a class is called plays no part.
"""

"""The fault catalogue: what the gate notices, measured by breaking what it looks at.

A fault is a small change where such a mistake would really be made: in an installed library, in the
file that it wrote, in what it computes, or on the page. The gate knows nothing of it.
"""

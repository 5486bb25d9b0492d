"""Network → parameters and operations, under each counting rule that pages are found to use.

``rules.count`` is the way in; ``expected.read_expected`` reads what each row is known to count.
Importing the package, ``rules`` or ``expected`` imports no framework.
"""

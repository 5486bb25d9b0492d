"""The vendor's result files: written, read, and counted by class id and by the vendor's rule.

Five lines an image, the most probable class first, ranks from 0::

    /npz/n01440764/a.npz: Relay top-0 id: 0, prob: 0.98765432, class name: tench, Tinca tinca
"""

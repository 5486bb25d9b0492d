"""A documented page to what has to be known of its rows: upstream variants and counting rules.

``page.resolve_page`` finds, in the process it is called in, which model of which library stands
behind each documented name (``torchvision``, ``timm``, ``mmpretrain`` and ``paddleclas`` ask the
libraries, ``matching`` and ``deciding`` choose) and, with ``counting``, how each documented count
comes about. ``running.resolved`` has that done in a child process and keeps it. ``drafts`` writes
what was found in the form of ``expected/``, and ``generated.expected_for`` all of it for a page
without expectations of its own. Importing the package imports no framework.
"""

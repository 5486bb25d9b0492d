"""What is wrong with pages, found by reading them: no weights, and no network unless asked for.

``zoo.read_zoo`` reads pages leniently together with the files that lie beside them and with what is
known of their rows; ``rules.RULES`` are the questions; ``running.lint`` asks them; ``people``,
``sarif`` and ``command`` tell what was found.
"""

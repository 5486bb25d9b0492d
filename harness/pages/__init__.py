"""Document to rows: Markdown in, :class:`harness.records.Page` and an expected file out.

``reading.read_page`` reads a page, ``expected`` writes and reads the file extracted from it,
``differences.compare`` holds one against the other, ``changes.changes`` two states of a page,
``command`` and ``diff_command`` are all of it from a shell.
Nothing is imported here: reading an expected file must not pull in the Markdown parser.
"""

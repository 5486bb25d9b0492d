"""The command line, a module a command: ``python -m harness COMMAND``."""

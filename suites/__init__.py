"""A package, so that its modules may have the names of self-tests."""

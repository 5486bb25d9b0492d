"""One class for each backend, which imports its framework only when it is used."""

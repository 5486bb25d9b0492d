"""What everything runs on: the store, child processes, memory, whole files, installed packages."""

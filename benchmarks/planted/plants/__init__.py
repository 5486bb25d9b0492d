"""What is planted: each function changes a library's module that has just been imported.

It runs in the processes of the gate, from this folder alone, and imports no module of ours.
"""

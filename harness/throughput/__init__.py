"""Throughput and latency of sessions, measured by MLCommons LoadGen.

``measuring`` runs tests of several workloads in turns, ``instances`` holds their sessions in
processes, ``system`` hands LoadGen's samples to them, ``trials`` runs one test, ``logs`` reads
what LoadGen wrote of it, ``served`` sees to it that each sample got its own answer, ``reference``
is the work that the speed of others is held against.
"""

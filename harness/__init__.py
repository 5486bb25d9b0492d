"""Conformance suite for model zoos: documented tables become verdicts."""

"""Files under ``expected/`` that people decide on: tolerances, known issues, accepted baselines."""

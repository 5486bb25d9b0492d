# make gate   the release gate, from a bare machine
# make test   everything: lint, types, import contracts, self-tests, and the gate

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST := $(BIN)/python -m pytest -n auto

.PHONY: setup gate selftest lint test clean

setup: $(VENV)/.ready

# paddle2onnx, paddleclas and thop pin ancient versions of packages that they do not need
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[sources,dev]'
	$(PIP) --no-deps paddle2onnx paddleclas thop
	@touch $@

gate: setup
	$(PYTEST)

selftest: setup
	$(PYTEST) suites/selftest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint selftest gate

clean:
	rm -rf $(VENV) .zoo .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

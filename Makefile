# make gate         the release gate, from a bare machine; GATE holds its options
# make nightly      the nightly run on this host; ARGS holds its options
# make docs         the manual as a site, in site/
# make benchmark    what the gate costs beside the bare work, against what was accepted; ARGS holds options
# make sensitivity  which planted faults the gate notices; ARGS holds its options
# make test         everything: lint, types, import contracts, the manual, self-tests, the gate, a few
#                   planted faults, and the nightly run's path on one row, with a stand-in for the
#                   vendor's tools

# The newest Python that serves: one for which all libraries have wheels, and which really runs.
SERVES := 3.12 3.11
ifeq ($(origin PYTHON),undefined)
PYTHON := $(firstword $(foreach version,$(SERVES),$(shell python$(version) -c 'import venv, ensurepip' 2> /dev/null && echo python$(version))))
endif
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST := $(BIN)/python -m pytest -n auto

ARGS ?=
GATE ?=
STAND_IN := --vendor-tools=fixtures/vendor_toolchain --backend onnxruntime --backend vendor \
	--cards 0,1 --rounds 3 --round-seconds 0.1 --job-images 16
ONE_ROW := --row resnext/torchvision/resnext50_32x4d -m "not preprocessing and not postprocessing"

.PHONY: benchmark docs setup gate nightly nightly-stand-in selftest sensitivity lint test clean

setup: $(VENV)/.ready

# paddle2onnx, paddleclas and thop pin ancient versions of packages that they do not need
$(VENV)/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python serves, expected one of $(SERVES) on the path, with venv; or name one by PYTHON="; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[sources,openvino,throughput,cluster,dev]'
	$(PIP) --no-deps paddle2onnx paddleclas thop
	@touch $@

gate: setup
	$(PYTEST) $(GATE)

nightly: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-nightly} \
		$(PYTEST) --nightly $(ARGS)

nightly-stand-in: ARGS := $(STAND_IN) $(ONE_ROW)
nightly-stand-in: export HYPOTHESIS_PROFILE := ci
nightly-stand-in: nightly

selftest: setup
	$(PYTEST) suites/selftest

# two rows, of torch and of Paddle, without what is about no row
TWO_ROWS := resnext/torchvision/resnext50_32x4d resnext/ppcls/resnext50_32x4d
benchmark: setup
	$(BIN)/python -m benchmarks compare --ratios benchmarks/ratios.toml --rounds 3 $(ARGS) \
		$(TWO_ROWS:%=--row %) -- -m "not preprocessing and not postprocessing" $(TWO_ROWS:%=--row %)

sensitivity: setup
	$(BIN)/python -m benchmarks faults $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: setup
	$(BIN)/mkdocs build --strict --quiet

test: lint docs selftest gate
	$(MAKE) sensitivity ARGS=--quick
	$(MAKE) nightly-stand-in

clean:
	rm -rf $(VENV) site .zoo .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

# `make tune`, `make check` and `make test` set up what they need.
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(if $(shell python$(v) -c 'print(1)' 2>/dev/null),python$(v))) python3)
BIN := .venv/bin
NETWORK ?= resnet18
TARGET ?= cpu
ARGS ?=
# Of the tests; 0: the one that was started.
PROCESSES ?= 0
# PyTorch's own index of CPU builds, for machines whose pip would bring the CUDA build.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)
# Python compiles what is imported; most of what these packages hold never is.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# Where nothing may be kept every process compiles PyTorch anew: seconds, in each of hundreds.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = $(BIN)/pytest --numprocesses $(PROCESSES) --dist loadgroup --no-loadscope-reorder

.PHONY: setup tune check test style quick most long loopback docs fmt clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) '$(TORCH)+cpu' \
	  || $(PIP) --index-url $(TORCH_CPU_INDEX) '$(TORCH)+cpu'
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@

tune: setup
	$(BIN)/dgtl tune $(NETWORK) --target $(TARGET) $(ARGS)

# While you work: about a minute.
check: setup
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target style quick PROCESSES=2

# All but the longest. The loopback cluster mostly waits: everything else runs meanwhile.
test: setup
	$(MAKE) --no-print-directory --jobs 3 --output-sync=target loopback style most PROCESSES=2

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Which tests are slow, tests/conftest.py says.
quick: setup
	$(PYTEST) -m 'not slow' --ignore tests/cluster

most: setup
	$(PYTEST) -m 'not long' --ignore tests/cluster

# Each takes half a minute or more on two cores: searches with every fault, experiments of the bench.
long: setup
	$(PYTEST) -m long --ignore tests/cluster

loopback: setup
	$(BIN)/pytest tests/cluster

# The site, in build/docs; a warning is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache

# `make tune` and `make test` set up what they need.
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(if $(shell python$(v) -c 'print(1)' 2>/dev/null),python$(v))) python3)
BIN := .venv/bin
NETWORK ?= resnet18
TARGET ?= cpu
ARGS ?=
# PyTorch's own index of CPU builds, for machines whose pip would bring the CUDA build.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)
# Python compiles what is imported; most of what these packages hold never is.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile

# Rooms that are tested while the loopback cluster waits.
ROOMS := tests/space tests/report tests/transfer tests/history

.PHONY: setup tune test lint loopback rooms fmt clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) '$(TORCH)+cpu' \
	  || $(PIP) --index-url $(TORCH_CPU_INDEX) '$(TORCH)+cpu'
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@

tune: setup
	$(BIN)/dgtl tune $(NETWORK) --target $(TARGET) $(ARGS)

# The cluster on this machine needs other clusters gone, and mostly waits: the linters, and then
# tests without a cluster, run meanwhile.
test: setup
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target loopback lint rooms
	$(BIN)/pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder \
	  $(addprefix --ignore ,tests/cluster $(ROOMS))

loopback: setup
	$(BIN)/pytest tests/cluster

rooms: setup
	$(BIN)/pytest $(ROOMS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

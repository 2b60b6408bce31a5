# Thin: each target is a line into a script or a tool. `make demo` is where to begin.
SHELL := /bin/bash
PYTHON ?= python3
MACHINE := $(PYTHON) -m tests.machine
BIN := .venv/bin
# Most tests wait for a process or a connection; tests of one file share what they set up. Files go in their
# order: by the number of their tests those that take minutes for one would be the last.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
export UV_SYSTEM_CERTS ?= 1
# Compiled once, not at every start of a process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all lint format fuzz soak bench venv setup

demo: venv
	$(MACHINE) with --optional --registry -- $(BIN)/python -m tests.e2e.demo

test: lint setup
	$(MACHINE) with -- $(BIN)/pytest $(PARALLEL) -m "not slow"

test-all: lint setup
	$(MACHINE) with -- $(BIN)/pytest $(PARALLEL)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: venv
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

soak: venv
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),3600) --curve docs/soak.svg

bench: setup
	$(MACHINE) packages wrk hyperfine
	$(MACHINE) with --registry -- $(BIN)/python -m benchmarks $(BENCH)

venv:
	$(MACHINE) venv

setup:
	$(MACHINE) setup

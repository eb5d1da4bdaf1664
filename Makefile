# The only verbs: setup run test check bench docs clean. Each sets up what it needs into .venv.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: setup run test check bench docs clean
.DEFAULT_GOAL := run

setup: .venv/dev.stamp

run: .venv/run.stamp
	@$(BIN)/cutaway demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks

docs: .venv/dev.stamp
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis

# torch first and by its exact version: an open range would fetch the newest build of all.
.venv/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	@echo "Installing torch and cutaway into .venv (once) ..." >&2
	$(INSTALL) torch==2.13.0
	$(INSTALL) --editable .
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	@echo "Installing the tools of development into .venv (once) ..." >&2
	$(INSTALL) --editable '.[dev]'
	@touch $@

# The only verbs: setup run explore test check bench docs clean. Each sets up what it needs into
# .venv and web/node_modules.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
NODE := web/with-node
STATIC := src/cutaway/server/static
PAGE := $(STATIC)/index.html

.PHONY: setup run explore test check bench docs clean
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:

setup: .venv/dev.stamp web/node_modules/.stamp

run: .venv/run.stamp
	@$(BIN)/cutaway demo

explore: .venv/explore.stamp $(PAGE)
	@$(BIN)/cutaway explore

test: .venv/dev.stamp .venv/browser.stamp $(PAGE)
	$(NODE) npm test
	$(BIN)/python -m pytest --numprocesses logical --dist loadfile

check: .venv/dev.stamp web/node_modules/.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(NODE) npm run check

bench: .venv/dev.stamp $(PAGE)
	$(BIN)/python -m benchmarks

docs: .venv/dev.stamp
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis web/node_modules $(STATIC)

# torch first and by its exact version: an open range would fetch the newest build of all.
.venv/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	@echo "Installing torch and cutaway into .venv (once) ..." >&2
	$(INSTALL) torch==2.13.0
	$(INSTALL) --editable .
	@touch $@

.venv/explore.stamp: .venv/run.stamp
	@echo "Installing the explorer's server into .venv (once) ..." >&2
	$(INSTALL) --editable '.[explore]'
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	@echo "Installing the tools of development into .venv (once) ..." >&2
	$(INSTALL) --editable '.[dev,explore,notebook]'
	@touch $@

# Debian's browser for the journeys; where there is none to be had, they are skipped and say so.
.venv/browser.stamp: .venv/run.stamp
	@command -v chromium >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Chromium with apt (once) ..." >&2 && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-liberation fonts-noto-cjk >/dev/null; \
	} || echo "No Chromium here, and none to be installed: browser tests will be skipped." >&2
	@touch $@

web/node_modules/.stamp: web/package.json web/package-lock.json web/.npmrc web/with-node | .venv/run.stamp
	@echo "Installing the page's toolchain into web/node_modules (once) ..." >&2
	$(NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The page first, then the notebook's widget beside it: where either fails there is no page.
$(PAGE): web/node_modules/.stamp web/index.html web/vite.config.ts web/vite.widget.config.ts $(shell find web/src web/public -type f)
	$(NODE) npm run build --silent
	@test -s $@ -a -s $(STATIC)/notebook/widget.js

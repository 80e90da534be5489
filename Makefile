# Everything a person or CI runs here. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help demo up down test check audit digests mutants compose-test bench docs docs-serve locks java
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install --require-hashes
# the `vitals` that pip writes knows the path of its Python: it breaks where that has a double quote, or has changed
# newer pips show that setuptools warns of folders with a package's name: ours are the packages
INSTALL_OURS := PYTHONWARNINGS='ignore:Editable installation' $(PIP) install --no-deps --no-build-isolation -e . && \
	printf '%s\n' '\#!/bin/sh' 'exec "$$(dirname "$$(realpath "$$0")")/python" -P -m ops "$$@"' >$(BIN)/vitals

help: ## this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run
demo: java $(VENV)/.runtime ## 60 s of 100 patients on a fresh data folder, then the proof that no reading is lost or doubled
	@$(BIN)/vitals demo

up: java $(VENV)/.runtime ## the whole pipeline on this machine until Ctrl-C (ARGS="--producers 2 --patients 100")
	@$(BIN)/vitals up $(ARGS)

down: $(VENV)/.runtime ## stop what `make up` started, from any terminal
	@$(BIN)/vitals down

##@ Prove
test: java $(VENV)/.dev ## every test, on a real Kafka, Spark and database (ARGS="-k name" or a file for some)
	@$(BIN)/python -m pytest --ignore tests/compose -n auto --dist loadscope --durations 20 $(ARGS)

mutants: java $(VENV)/.dev ## remove one safeguard of the code at a time: the proof must notice (30 min)
	@$(BIN)/python -m tests.mutation

compose-test: $(VENV)/.dev ## the stack in containers: build, start, scale, break, remove it (needs docker)
	@command -v docker >/dev/null || { \
	  echo "No docker found: these tests run the stack in containers." >&2; \
	  echo "  -> install Docker with its compose plugin; make test needs none" >&2; exit 2; }
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m pytest -v -rP tests/compose $(ARGS)

bench: java $(VENV)/.bench ## compare it with the database's ceiling and with peers, write docs/performance.md (20 min; QUICK=1: 4)
	@$(BIN)/python -m benchmarks $(ARGS)

##@ Develop
check: $(VENV)/.dev ## lint, format, spelling, types, import layers, unit tests: seconds, no services
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n auto --dist loadscope tests/unit

audit: $(VENV)/.dev ## known vulnerabilities of all locked packages and jars, where an advisory database answers
	@$(BIN)/python -m ops.supply.audit $(ARGS)

digests: $(VENV)/.runtime ## pin the images of others by digest in .env, where their registry answers
	@$(BIN)/python -m ops.supply.digests $(ARGS)

# needs uv; run it after a change of the dependencies in pyproject.toml
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
locks: ## update the locked requirements: the newest versions that fit, then each image's share of them
	$(UV_COMPILE) --upgrade pyproject.toml -o locks/runtime.txt
	$(UV_COMPILE) --upgrade pyproject.toml --group dev -c locks/runtime.txt -o locks/dev.txt
	$(UV_COMPILE) --upgrade --group pyproject.toml:build -o locks/build.txt
	$(UV_COMPILE) --upgrade --group pyproject.toml:bench -c locks/runtime.txt -o locks/bench.txt
	$(UV_COMPILE) --upgrade --group pyproject.toml:docs -c locks/dev.txt -o locks/docs.txt
	for image in producer consumer ops; do \
	  $(UV_COMPILE) --group pyproject.toml:image-$$image -c locks/runtime.txt -o locks/image-$$image.txt; done

##@ Docs
docs: java $(VENV)/.docs ## build the site into build/site, strictly: no broken link, no request that leaves it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict
	@echo "build/site/index.html"

docs-serve: java $(VENV)/.docs ## serve the site on this machine while you edit it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

java:
	@{ [ -n "$$JAVA_HOME" ] && [ -x "$$JAVA_HOME/bin/java" ]; } || command -v java >/dev/null || { \
	  echo "No Java found: Kafka and Spark need a Java runtime, 17 or later." >&2; \
	  echo "  -> Debian and Ubuntu: apt-get install openjdk-17-jre-headless (or -21-); or set JAVA_HOME" >&2; \
	  exit 2; }

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "No $(PYTHON) found." >&2; \
	  echo "  -> install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version), 3.11, 3.12 or 3.13 is needed." >&2; \
	  echo "  -> name another one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: its venv or ensurepip module is missing." >&2; \
	  echo "  -> Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (once)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }

# pyspark comes as a source package: it is built with the locked setuptools, not with any newer one
$(VENV)/.runtime: locks/build.txt locks/runtime.txt | $(BIN)/python
	@echo "Installing the pipeline's packages: 580 MB to download, 1 GB on disk, most of it pyspark (once)"
	@$(INSTALL) -r locks/build.txt
	@$(INSTALL) --no-build-isolation -r locks/runtime.txt
	@$(INSTALL_OURS)
	@touch $@

$(VENV)/.dev: locks/build.txt locks/dev.txt | $(BIN)/python
	@echo "Installing the pipeline's packages and the development tools: 670 MB to download, 1.3 GB on disk, most of it pyspark (once)"
	@$(INSTALL) -r locks/build.txt
	@$(INSTALL) --no-build-isolation -r locks/dev.txt
	@$(INSTALL_OURS)
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: locks/bench.txt $(VENV)/.runtime
	@echo "Installing the plotting library: 25 MB to download (once)"
	@$(INSTALL) -r locks/bench.txt
	@touch $@

$(VENV)/.docs: locks/docs.txt $(VENV)/.runtime
	@echo "Installing the site generator: 30 MB to download, 80 MB on disk (once)"
	@$(INSTALL) -r locks/docs.txt
	@touch $@

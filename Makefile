# Everything a person or CI runs here. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help demo up down test mutants compose-test check bench locks java
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: java $(VENV)/.runtime ## 60 s of 100 patients on a fresh data folder, then the proof that no reading is lost or doubled
	@$(BIN)/vitals demo

up: java $(VENV)/.runtime ## the whole pipeline on this machine until Ctrl-C (ARGS="--producers 2 --patients 100")
	@$(BIN)/vitals up $(ARGS)

down: $(VENV)/.runtime ## stop what `make up` started, from any terminal
	@$(BIN)/vitals down

test: java $(VENV)/.dev ## every test, on a real Kafka, Spark and database (ARGS="-k name" or a file for some)
	@$(BIN)/pytest --ignore tests/compose -n auto --dist loadscope --durations 20 $(ARGS)

mutants: java $(VENV)/.dev ## break the code on purpose, one safeguard at a time: the proof must notice (12 min)
	@$(BIN)/python -m tests.mutation

compose-test: $(VENV)/.dev ## the stack in containers: build, start, scale, break, remove it (needs docker)
	@command -v docker >/dev/null || { \
	  echo "No docker found: these tests run the stack in containers." >&2; \
	  echo "  -> install Docker with its compose plugin; make test needs none" >&2; exit 2; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -v -rP tests/compose $(ARGS)

check: $(VENV)/.dev ## lint, format, types, import layers, unit tests: seconds, no services
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit

bench: java $(VENV)/.bench ## measure it against the ceiling and its peers, and write docs/performance.md (20 min; QUICK=1: 4)
	@$(BIN)/python -m benchmarks $(ARGS)

# needs uv; run it after a change of the dependencies in pyproject.toml
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
locks: ## the locked requirements anew: newest versions that fit, then what each image takes of them
	$(UV_COMPILE) --upgrade pyproject.toml -o locks/runtime.txt
	$(UV_COMPILE) --upgrade pyproject.toml --group dev -c locks/runtime.txt -o locks/dev.txt
	$(UV_COMPILE) --upgrade --group pyproject.toml:build -o locks/build.txt
	$(UV_COMPILE) --upgrade --group pyproject.toml:bench -c locks/runtime.txt -o locks/bench.txt
	for image in producer consumer ops; do \
	  $(UV_COMPILE) --group pyproject.toml:image-$$image -c locks/runtime.txt -o locks/image-$$image.txt; done

java:
	@{ [ -n "$$JAVA_HOME" ] && [ -x "$$JAVA_HOME/bin/java" ]; } || command -v java >/dev/null || { \
	  echo "No Java found: Kafka and Spark need a Java 17 or 21 runtime." >&2; \
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
	@echo "Installing the locked requirements into $(VENV): about 500 MB, pyspark is most of it (once)"
	@$(PIP) install --require-hashes -r locks/build.txt
	@$(PIP) install --require-hashes --no-build-isolation -r locks/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --quiet -e .
	@touch $@

$(VENV)/.dev: locks/build.txt locks/dev.txt | $(BIN)/python
	@echo "Installing the locked requirements and the development tools into $(VENV) (once)"
	@$(PIP) install --require-hashes -r locks/build.txt
	@$(PIP) install --require-hashes --no-build-isolation -r locks/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --quiet -e .
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: locks/bench.txt $(VENV)/.runtime
	@echo "Installing the locked plotting library into $(VENV) (once)"
	@$(PIP) install --require-hashes -r locks/bench.txt
	@touch $@

# Two commands on a fresh machine with Python 3.11 or newer: `make sandbox` and `make test`.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
SECONDS ?= 300
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help sandbox test soak bench chart-test check format lock clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

sandbox: $(VENV)/.runtime ## try the whole system on this machine, without any account
	$(BIN)/python -m flyte_slack sandbox $(ARGS)

test: $(VENV)/.dev ## run all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

soak: $(VENV)/.dev ## two replicas on PostgreSQL under random faults, with an account in the end
	$(BIN)/python tests/soak/soak.py --seconds $(SECONDS) $(ARGS)

bench: $(VENV)/.dev ## measure round trips, limits, draining, idling, start and memory
	$(BIN)/python benchmarks/run.py $(ARGS)

chart-test: $(VENV)/.dev ## the Helm chart: rendered, checked, and broken on purpose
	$(BIN)/python -m pytest -n $(WORKERS) --dist load tests/chart $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev ## pin the newest versions of all dependencies, with hashes
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --extra postgres --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade --quiet -c requirements.lock -o requirements-dev.lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .tools .mypy_cache .pytest_cache .ruff_cache dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo 'Installing what the pack needs into $(VENV) …'
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo 'Installing what the tests need into $(VENV) …'
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

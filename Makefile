# Two commands on a fresh machine with Python 3.11 or newer: `make sandbox` and `make test`.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
SECONDS ?= 300
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet

# One place says the version; docker is taken where its engine answers, else podman, else buildah.
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' flyte_slack/__init__.py)
REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
IMAGE ?= flyte-slack
IMAGE_BUILD ?= $(shell if docker info >/dev/null 2>&1; then echo docker build; \
  elif command -v podman >/dev/null; then echo podman build --format docker; \
  else echo buildah build --format docker; fi)

.PHONY: help sandbox test soak bench chart-test image image-test check docs audit format lock clean
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

image: ## build the container image; IMAGE is its name, IMAGE_BUILD what builds it
	$(IMAGE_BUILD) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag $(IMAGE):$(VERSION) .

image-test: $(VENV)/.dev ## build the image and try it; needs root, buildah and podman
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests/image $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev ## write the reference pages from the code
	$(BIN)/python docs/reference.py

audit: $(VENV)/.dev ## known vulnerabilities in what is shipped, and its licences
	@if $(BIN)/python -c 'import httpx; httpx.get("https://api.osv.dev/", timeout=10)' 2>/dev/null; \
	  then $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet pip-audit \
	    && $(VENV)/audit/bin/pip-audit -s osv --require-hashes --disable-pip -r requirements.lock; \
	  else echo 'Nothing was audited: https://api.osv.dev, which knows of vulnerabilities, cannot be reached.'; fi
	$(BIN)/python tests/licences.py

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev ## pin the newest versions of all dependencies, with hashes
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --extra postgres --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade --quiet -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --group build --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet -c requirements-dev.lock -o requirements-build.lock

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

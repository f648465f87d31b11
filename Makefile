# The commands of this repository. Each sets up what it needs, once.

PYTHON ?= python3
# Here, for it runs on any Python: to an old one what follows is a syntax error.
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 10) and \
	"Python 3.10 or newer is needed; this is %d.%d. Name another one: make PYTHON=python3.12 demo" % sys.version_info[:2])
SETUP := @$(PYTHON) -c '$(IS_NEW_ENOUGH)' && $(PYTHON) -m tools.environments
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: help demo test lint bench test-faults soak clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: ## A real Rucio, two storages, a CS3 cloud and JupyterLab, signed in; Ctrl-C ends it all
	$(SETUP) jupyter rucio bundle
	@exec "$(BIN)/jupyter-rucio" demo

test: lint ## Check, then run every test: pytest, jest, browser
	$(SETUP) rucio bundle
	@"$(BIN)/python" -m tools.run_tests

lint: ## Check format, style, types, imports, and that generated files are current
	$(SETUP) javascript
	ruff format --check --quiet .
	ruff check --quiet .
	mypy
	lint-imports --no-logo --no-cache
	jlpm lint:check
	jlpm tsc --noEmit
	python -m tools.regenerate

bench: ## Measure against `rucio download`, `cs3client` and curl; ONLY=prefix picks
	$(SETUP) jupyter rucio
	@"$(BIN)/python" -m bench.run $(ONLY)

test-faults: ## The fault tests alone
	$(SETUP) jupyter rucio
	@"$(BIN)/python" -m pytest tests -m faults

soak: ## The long fault tests: 1,000 seeded kills; RUCIO_FAULT_SEED=N RUCIO_FAULT_KILLS=1 repeats one
	$(SETUP) jupyter rucio
	@"$(BIN)/python" -m pytest tests -m soak

clean: ## Remove all that was built, the environments too
	rm -rf .venv .venv-rucio .venv-other-rucio node_modules lib dist mesh/dist rucio_jupyterlab/labextension tsconfig.tsbuildinfo

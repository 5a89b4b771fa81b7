# Two commands: `make run` (the default run, to a report) and `make test` (all tests).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test test-slurm test-faults lint docs format lock clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

$(READY): envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nasflow needs Python 3.11 or newer; found $$($(PYTHON) --version). Say which: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: $(READY)  ## the default run: from nothing to results/report/index.html
	snakemake --cores all --workflow-profile profiles/workstation
	@echo "Report: $(CURDIR)/results/report/index.html"

test: $(READY)  ## all checks and tests
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 python -m pytest -n logical --dist loadfile --no-loadscope-reorder

test-slurm: $(READY)  ## all tests on a real SLURM, which they start (packages slurm-wlm, munge)
	NASFLOW_SLURM=long python -m pytest tests/slurm

test-faults: $(READY)  ## runs of the workflow under faults: killed, full disk, damaged files (NASFLOW_FAULT_SEEDS="1 2")
	NASFLOW_FAULTS=long python -m pytest -s tests/faults

lint: $(READY)  ## style and workflow checks
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint

docs: $(READY)  ## the documentation as a site: site/index.html
	sphinx-build -q -E -a -W --keep-going -c docs/generator docs site
	@echo "Documentation: $(CURDIR)/site/index.html"

format: $(READY)  ## bring everything into the agreed form
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

lock: $(READY)  ## write envs/ anew from what is installed
	python envs/lock.py

clean:  ## remove results and site (the environment stays)
	rm -rf results .snakemake site

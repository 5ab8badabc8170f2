.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DEV := .venv/dev-is-installed
RUN := .venv/kdrun-is-installed

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(RUN): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEV): $(RUN)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(RUN) ## a virtual environment in .venv with kdrun in it

run: $(RUN) ## the main job: a ResNet-50 teaches a ResNet-18 (ARGS="..." adds overrides)
	$(BIN)/kdrun method=distill teacher=resnet50 student=resnet18 $(ARGS)

check: $(DEV) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check ## check, then the tests (ARGS="-k compare" selects)
	$(BIN)/pytest -n auto $(ARGS)

trials: $(DEV) ## the tests that take minutes: accidents under every launcher
	$(BIN)/pytest -m slow $(ARGS)

bench: $(DEV) ## training speed against a bare loop and the usual pipeline
	$(BIN)/python benchmarks/training.py

golden: $(DEV) ## the bits of some seventy small runs (ARGS="--against golden.json" compares)
	$(BIN)/python benchmarks/golden.py $(ARGS)

docs: $(DEV) ## generate docs/losses.md and docs/columns.md from the modules
	$(BIN)/python docs/losses.py
	$(BIN)/python docs/columns.py

format: $(DEV) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help install run check test trials bench golden docs format

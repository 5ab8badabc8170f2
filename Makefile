.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DEV := .venv/dev-is-installed
RUN := .venv/kdrun-is-installed

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# Without --no-compile, pip would compile a hundred thousand files, of which few are ever read.
$(RUN): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable .
	@touch $@

$(DEV): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	@touch $(RUN) $@

install: $(RUN) ## a virtual environment in .venv with kdrun in it

run: $(RUN) ## the main job: a ResNet-50 teaches a ResNet-18 (ARGS="..." adds overrides)
	$(BIN)/kdrun method=distill teacher=resnet50 student=resnet18 $(ARGS)

check: $(DEV) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# mypy has one process, and starts cold in a fresh clone: the tests need not wait for it.
test: $(DEV) ## check and the tests, side by side (ARGS="-k compare" selects)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(BIN)/mypy >.venv/mypy.log 2>&1 & types=$$!; \
	$(BIN)/pytest -n auto --dist worksteal $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat .venv/mypy.log; exit $$((tests ? tests : types))

trials: $(DEV) ## the tests that take minutes: accidents under every launcher
	$(BIN)/pytest -m slow $(ARGS)

bench: $(DEV) ## training speed against a bare loop and the usual pipeline
	$(BIN)/python benchmarks/training.py

golden: $(DEV) ## the bits of some seventy small runs (ARGS="--against golden.json" compares)
	$(BIN)/python benchmarks/golden.py $(ARGS)

docs: $(DEV) ## generate docs/losses.md and docs/columns.md, and the site in site/
	$(BIN)/python docs/losses.py
	$(BIN)/python docs/columns.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

format: $(DEV) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help install run check test trials bench golden docs format

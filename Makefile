# The two commands to know are `make demo` and `make test`; each prepares the environment it needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help

SIZE ?= small
OUT ?= demo

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs
# The first of these that runs and is new enough; an interpreter of your own: make PYTHON=/path/to/python setup
PYTHON ?= $(firstword $(foreach python,python3.11 python3,$(shell $(python) -c \
    'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))

# Tests in which the shapes of tensors are checked at run time, and how. They are few, since that doubles the time, and go
# through masks, batches, every layer and every kind of model.
SHAPED := $(addprefix tests/,tokens batch/test_plain.py batch/test_fills.py batch/test_context.py models/test_modality_sets.py \
    models/test_feature_maps.py models/test_film.py models/test_station_states.py models/test_quantile_head.py \
    models/test_state_readout.py models/test_surroundings.py models/test_grid_means.py windows/test_cells_around.py \
    store/test_scale_of_attributes.py)
SHAPES := --jaxtyping-packages=hydromae,beartype.beartype

.PHONY: help setup demo test shaped lint format slow docs clean distclean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make the environment in .venv, or bring it up to date

# Written last, so an installation that was interrupted is taken up again.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "hydromae needs Python 3.11 or newer, and neither python3.11 nor python3 is:" \
	    "install one, or name it with make PYTHON=/path/to/python setup" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: $(INSTALLED)  ## synthetic sample to report, into OUT (demo); SIZE=tiny, small or full
	$(BIN)/hydromae demo "$(OUT)" --size $(SIZE)

# One thread of arithmetic for each process of the tests: together they fill the cores. Lint and the tests with shapes keep
# one core busy each, so they run side by side. A process that has no tests left takes over some of another's, in their
# order, so that what a file prepares is made once and the last long file is not waited for.
test: $(INSTALLED)  ## lint, format, types and the tests that take seconds
	$(MAKE) --jobs=2 --output-sync=target lint shaped
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal $(SHAPED:%=--ignore=%)

shaped: $(INSTALLED)  ## the tests in which shapes are checked at every call
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SHAPES) $(SHAPED)

lint: $(INSTALLED)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

slow: $(INSTALLED)  ## the tests that `make test` leaves out
	$(BIN)/pytest -m slow $(SHAPES)

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

# The tutorials call hydromae as a reader would, by its name. So many jobs give each tutorial one of its own, so that they run
# side by side.
docs: $(DOCS_INSTALLED)  ## the documentation site, into build/docs; runs the tutorials unless TUTORIALS=off
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m sphinx --fail-on-warning --keep-going --jobs 40 \
	    $(if $(filter off,$(TUTORIALS)),-D nb_execution_mode=off) docs build/docs

# Data, stores, runs and demos are work, not build output: no target deletes them.
clean:  ## delete caches and built packages; data, stores, runs and demos stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## clean, and delete .venv too
	rm -rf $(VENV)

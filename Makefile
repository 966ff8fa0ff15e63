# Everything sets itself up: a machine needs Python 3.11, pip and make.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_OUT := out/demo

.PHONY: demo test slow lint docs docs-check clean

demo: .venv/.core  ## audit real sentence embeddings
	$(BIN)/gausscheck analyze data/minilm_docstrings_5k.h5 --out $(DEMO_OUT)

test: .venv/.test  ## the fast tests
	$(BIN)/python -m pytest -n auto -m "not slow" -q

slow: .venv/.test  ## the statistical tier: levels, power, coverage
	$(BIN)/python -m pytest -n auto --dist loadgroup -m slow -q

lint: .venv/.test  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.test  ## write the generated reference pages
	$(BIN)/python docs/generate.py

docs-check: .venv/.test  ## fail where a generated page is stale
	$(BIN)/python docs/generate.py --check

clean:
	rm -rf .venv out

.venv/.pip: constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install -q "pip>=25.1"
	touch $@

.venv/.core: .venv/.pip pyproject.toml
	$(PIP) install -q -c constraints.txt -e .
	touch $@

.venv/.test: .venv/.core
	$(PIP) install -q -c constraints.txt -e ".[train,parquet,zarr,remote,dask]" --group test --group lint
	touch $@

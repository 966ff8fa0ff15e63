# Everything sets itself up: a machine needs Python 3.11 or later, pip and make.
SHELL := bash
PYTHON ?= $(firstword $(shell command -v python3.11 python3 python))
BIN_DIR := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := .venv/$(BIN_DIR)
OLDEST := .venv-oldest/$(BIN_DIR)
NEWEST := .venv-newest/$(BIN_DIR)
STORES := .venv-stores/$(BIN_DIR)
MONITORS := .venv-monitors/$(BIN_DIR)
SITE := .venv-site/$(BIN_DIR)
INSTALL := -m pip --disable-pip-version-check install -q
TESTS ?=
WITHOUT_TRAIN := parquet,zarr,remote,dask
DEMO_OUT := out/demo
SBOM := out/gausscheck.cdx.json

.PHONY: demo test slow test-oldest test-newest test-stores test-monitors coverage cases reliability lint docs \
	docs-check site dist sbom audit-deps clean

# a test process a core: threads of BLAS inside each would only be in each other's way
test slow test-oldest test-newest test-stores test-monitors coverage reliability: export OPENBLAS_NUM_THREADS ?= 1

demo: .venv/.core  ## audit real sentence embeddings
	$(BIN)/gausscheck analyze data/minilm_docstrings_5k.h5 --out $(DEMO_OUT)

test: .venv/.test  ## the fast tests
	$(BIN)/python -m pytest -n auto -m "not slow" -q

slow: .venv/.test  ## the statistical tier: levels, power, coverage of intervals
	$(BIN)/python -m pytest -n auto --dist loadgroup -m slow -q

test-oldest: .venv-oldest/.test  ## the fast tests on the lowest versions that pyproject.toml admits
	$(OLDEST)/python -m pytest -n auto -m "not slow" -q $(TESTS)

test-newest: .venv-newest/.pip  ## the fast tests on whatever is newest today
	$(NEWEST)/python $(INSTALL) --upgrade --upgrade-strategy eager -e ".[$(WITHOUT_TRAIN)]" --group test
	$(NEWEST)/python -m pytest -n auto -m "not slow" -q

test-stores: .venv-stores/.pip pyproject.toml  ## files and stores by the programs that write them
	$(STORES)/python $(INSTALL) -c constraints.txt -e ".[$(WITHOUT_TRAIN)]" --group test --group test-stores
	$(STORES)/python -m pytest -n auto -m "not slow" -q tests/sources

test-monitors: .venv-monitors/.pip pyproject.toml  ## real training runs: Lightning, Hugging Face, sentence-transformers, Keras
	$(MONITORS)/python $(INSTALL) -c constraints.txt -e ".[train]" --group test --group test-monitors
	$(MONITORS)/python -m pytest -n auto -m "not slow" -q tests/monitor

coverage: .venv/.test  ## which lines and branches the fast tests run
	$(BIN)/python -m pytest -n auto -m "not slow" -q --cov --cov-report=term:skip-covered --cov-report=html

cases: .venv/.test  ## write a file of every kind that is read or refused, and read it
	$(BIN)/python tests/sources/cases.py

reliability: .venv/.test  ## bad input, mutants, faults, hostile surroundings: prints counts
	$(BIN)/python tests/reliability --minutes 15

lint: .venv/.test  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.test  ## write the generated reference pages
	$(BIN)/python docs/generate.py

docs-check: .venv/.test  ## fail where a generated page is stale
	$(BIN)/python docs/generate.py --check

site: .venv-site/.site  ## the documentation as a site in out/site; a warning is an error
	$(SITE)/python -m sphinx -W --keep-going -E -q -b html -c docs/site -d out/site-pages . out/site

dist: .venv/.release  ## build the source archive and the wheel into dist/
	$(BIN)/python -m build

sbom: .venv/.release .venv-sbom/.core  ## what an installation with every reader holds, as CycloneDX
	mkdir -p $(dir $(SBOM))
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o $(SBOM) .venv-sbom

audit-deps: .venv/.release  ## known weaknesses of the pinned packages; asks the package index
	$(BIN)/pip-audit -r constraints.txt --no-deps --disable-pip

clean:
	rm -rf .venv .venv-oldest .venv-newest .venv-stores .venv-monitors .venv-site .venv-sbom out dist

.venv/.pip: constraints.txt
.venv-oldest/.pip: constraints-oldest.txt
.venv-sbom/.pip .venv-stores/.pip .venv-monitors/.pip .venv-site/.pip: constraints.txt
.venv/.pip .venv-oldest/.pip .venv-newest/.pip .venv-sbom/.pip .venv-stores/.pip .venv-monitors/.pip .venv-site/.pip:
	$(PYTHON) -m venv $(@D)
	$(@D)/$(BIN_DIR)/python $(INSTALL) "pip>=25.1"
	touch $@

.venv/.core: .venv/.pip pyproject.toml
	$(BIN)/python $(INSTALL) -c constraints.txt -e .
	touch $@

.venv/.test: .venv/.core
	$(BIN)/python $(INSTALL) -c constraints.txt -e ".[train,$(WITHOUT_TRAIN)]" --group test --group test-train --group lint
	touch $@

.venv/.release: .venv/.core pyproject.toml
	$(BIN)/python $(INSTALL) -c constraints.txt --group release
	touch $@

.venv-site/.site: .venv-site/.pip pyproject.toml
	$(SITE)/python $(INSTALL) -c constraints.txt -e . --group site
	touch $@

.venv-sbom/.core: .venv-sbom/.pip pyproject.toml
	.venv-sbom/$(BIN_DIR)/python $(INSTALL) -c constraints.txt ".[$(WITHOUT_TRAIN)]"
	touch $@

.venv-oldest/.test: .venv-oldest/.pip pyproject.toml
	$(OLDEST)/python $(INSTALL) -c constraints-oldest.txt -e ".[$(WITHOUT_TRAIN)]" --group test
	touch $@

# Every target sets itself up: it needs Python >= 3.11, git and make, and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The same bytes from every run, and no thread pool larger than the work.
UNITS := $(addprefix tests/,common config data delivery evidence gates journal models report statistics tables)
export OMP_NUM_THREADS := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help unit test test-all check demo demo-llm bench bench-quick lock generate schema site clean

help:            ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

$(VENV)/.stamp: requirements/dev.txt requirements/ml.txt requirements/core.txt requirements/uv.txt actions/install.sh
	CDML_ENVIRONMENT="$(CURDIR)/$(VENV)" PYTHON="$(PYTHON)" bash actions/install.sh dev
	@touch $@

unit: $(VENV)/.stamp            ## the rules of the stages alone, in seconds
	$(BIN)/python -m pytest -q -m unit $(UNITS)

test: $(VENV)/.stamp            ## all tests but the long ones
	@bash requirements/packages.sh
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder -m "not long"

test-all: $(VENV)/.stamp        ## all tests; what CI runs
	@bash requirements/packages.sh all
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder

check: $(VENV)/.stamp           ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: $(VENV)/.stamp            ## the whole story on real flights, in .demo
	$(BIN)/python examples/flights/demo.py

demo-llm: $(VENV)/.stamp        ## two pull requests to an LLM application, in .demo-llm
	$(BIN)/python examples/llm/demo.py

bench: $(VENV)/.stamp           ## measure; ratios in one run, recorded in benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run.py

bench-quick: $(VENV)/.stamp     ## counts that no machine changes, and their limits
	$(BIN)/python benchmarks/quick.py

lock: $(VENV)/.stamp           ## write the locked requirements
	$(BIN)/python requirements/lock.py $(BIN)/uv

generate: $(VENV)/.stamp        ## write what the code declares: schema, action.yml, tables of docs
	$(BIN)/python -m generate

schema: $(VENV)/.stamp          ## of these the JSON Schema of cdml.yaml alone
	$(BIN)/python -m generate cdml.schema.json

site: $(VENV)/.stamp            ## the documents as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/uv run --no-project --with-requirements requirements/docs.txt mkdocs build

clean:           ## take away what the other targets made
	rm -rf $(VENV) .demo .demo-llm site .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Two commands: `make demo` and `make test`. Each sets up what it needs (a virtual environment with PyPI wheels).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SEEDS  ?= 20
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

# Python would compile cfukit's modules again in each of hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long test-renode check format lock bench proof figures clean

help:
	@echo "make demo       set up, then run the shipped model without and with custom function units (a minute or two the first time)"
	@echo "make test       set up, then run all tests (half an hour on two cores)"
	@echo "make check      lint, types, import rules, fast tests (under 90 seconds)"
	@echo "make test-long  the long tests, SEEDS=$(SEEDS) seeds each"
	@echo "make test-renode  the tests of engine renode; in Renode itself where RENODE or PATH has it"
	@echo "make proof      mac4 on every board: resources, MHz of five placements, cycles before and after (an hour)"
	@echo "make figures    measure whole models again, for docs/figures.md (hours; FIGURES='--only digits' for some)"
	@echo "make format     format the Python sources"
	@echo "make lock       renew third_party/constraints.txt"
	@echo "make clean      remove build folders (the environment stays)"

demo:
	@$(PYTHON) scripts/set_up.py $(VENV)
	@$(BIN)/python -m cfukit_tools.demo

# mypy keeps one core busy, so it runs beside the tests.
test: dev
	@$(MAKE) --no-print-directory -j2 lint tests

check: lint
	$(PYTEST) -m "not slow and not long"

test-long: dev
	CFUKIT_SEEDS=$(SEEDS) $(PYTEST) -m long

test-renode: dev
	$(PYTEST) tests/soc/test_renode_*.py tests/tools/test_renode_run.py

PROOF ?=
proof:
	@$(PYTHON) scripts/set_up.py $(VENV) dev fpga
	$(BIN)/python -m cfukit_tools.boards_proof $(PROOF)

FIGURES ?=
figures:
	@$(PYTHON) scripts/set_up.py $(VENV) dev fpga
	PYTHONPATH=scripts $(BIN)/python -m bench.figures $(FIGURES)

.PHONY: dev lint tests
dev:
	@$(PYTHON) scripts/set_up.py $(VENV) dev

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports # bench is no part of the installed package

tests: dev
	$(PYTEST) -m "not long" --durations=20

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The newest versions that pyproject.toml allows, tried in an environment of their own.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install -q --disable-pip-version-check -e ".[dev,fpga,train]"
	build/lock/bin/pip freeze --exclude-editable > build/constraints.txt
	mv build/constraints.txt third_party/constraints.txt && rm -rf build/lock

clean:
	rm -rf build proj/*/build

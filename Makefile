# `make demo` and `make test` need only Python 3.11 or newer. They create .venv.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
APPS := hsi cameras events detection monitoring
# Two parallel lanes fit a machine with two processors. LANES= runs the tests one after the other with more output.
LANES ?= -n 2 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo run test test-fast test-sqlite test-postgresql lint bench judge

help:
	@echo "make demo       run with simulated cameras on http://localhost:$(PORT) (PORT=... changes that)"
	@echo "make run        run with your cameras"
	@echo "make test       run every test, on SQLite and on PostgreSQL with Valkey"
	@echo "make test-fast  run the quick tests on SQLite, in under three minutes"
	@echo "make lint       check style and types"
	@echo "make bench      measure and write bench.json"
	@echo "make judge      measure the detectors and write judge.json"

demo: $(VENV)/production
	@exec $(BIN)/python manage.py up --demo --get-model --port $(PORT)

run: $(VENV)/production
	@exec $(BIN)/python manage.py up --get-model --port $(PORT)

# Run both engines even if the first one fails, so that one run shows every failure.
test: $(VENV)/development
	@failed=0; \
	for engine in sqlite postgresql; do \
		echo "== Tests on $$engine"; \
		$(BIN)/python -m pytest --engine=$$engine $(LANES) $(TESTS) || failed=1; \
	done; \
	exit $$failed

# While working: SQLite, without browsers, crashes, bursts and real servers.
test-fast: $(VENV)/development
	$(BIN)/python -m pytest --engine=sqlite -m "not slow" $(LANES) $(TESTS)

test-sqlite test-postgresql: test-%: $(VENV)/development
	$(BIN)/python -m pytest --engine=$* $(LANES) $(TESTS)

lint: export HSI_DATA_DIR := $(CURDIR)/build/lint
lint: $(VENV)/development
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(APPS) tests manage.py

bench: $(VENV)/development
	$(BIN)/python -m tests.bench $(BENCH)

judge: $(VENV)/development
	$(BIN)/python manage.py get_model --if-needed
	$(BIN)/python -m tests.judge

# A stamp is newer than the requirements it was installed from, so a second `make` installs nothing.
$(VENV)/production: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the system runs on into $(VENV) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/development: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $(VENV)/production $@

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and there is no $(PYTHON). Name yours: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

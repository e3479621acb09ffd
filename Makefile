# Sets up .venv and runs everything in it. Needs GNU make and Python 3.11 or newer; `make help` lists the targets.

# The Python that makes .venv: python3 if it is new enough, else a newer one beside it; or `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
# Newer than pyproject.toml and constraints.txt: .venv holds what they ask for. Its name changes with the place of this
# folder, because a virtual environment that was moved does not work.
STAMP := $(VENV)/installed-$(shell pwd -P | cksum | cut -d ' ' -f 1)
TEST_REPORT := .pytest_cache/tests.xml
SCREEN_REPORT := .pytest_cache/screen.xml
SCREEN_LOG := .pytest_cache/screen.log

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-slurm test lint docs texts pictures format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | while IFS=: read -r name text; do \
		printf 'make %-12s%s\n' "$$name" "$$text"; done

setup: $(STAMP) ## make .venv and install everything into it

demo: $(STAMP) ## open the program on synthetic cases in demo/
	$(BIN)/mqi-tui demo --dir demo

demo-slurm: $(STAMP) ## the same over SSH on a Slurm cluster of one node, in demo-slurm/ (as root, on Debian 12)
	$(BIN)/python -m tests.cluster.demo demo-slurm

lint: $(STAMP) ## formatter check, linter, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A machine without Slurm may skip the tests that need a cluster, but not where CI is set, as .ci/run sets it.
# The tests of the screen need a processor and those of the cluster mostly wait, so they run side by side; some of the
# former are with the latter, so that both end at about the same time.
test: lint ## lint, then all tests; a skipped test is a failure
	@mkdir -p .pytest_cache; \
	$(BIN)/python -m pytest -p no:cacheprovider --junitxml=$(SCREEN_REPORT) --ignore-glob='tests/ui/test_t*' tests/ui >$(SCREEN_LOG) 2>&1 & screen=$$!; \
	trap 'kill $$screen 2>/dev/null' EXIT; trap 'exit 130' INT TERM HUP; \
	failed=0; \
	$(BIN)/python -m pytest --ignore-glob='tests/ui/test_[!t]*' --junitxml=$(TEST_REPORT) || failed=1; \
	wait $$screen || failed=1; \
	cat $(SCREEN_LOG); \
	exit $$failed
	@if cat $(TEST_REPORT) $(SCREEN_REPORT) | grep -o '<skipped[^>]*>' | \
		grep -qv $(if $(CI),-e '^$$',-e 'message="no test cluster here:'); then \
		echo 'make test: tests were skipped (named above); each must run here, or go.' >&2; exit 1; fi

docs: $(STAMP) ## write the pages of docs/ that are made from the code
	$(BIN)/python -m tools.config_reference

texts: $(STAMP) ## bring the catalogues of the screens' languages up to date with the code
	$(BIN)/python -m tools.texts

pictures: $(STAMP) ## make the pictures of the guides anew, docs/pictures
	$(BIN)/python -m tools.screenshots

format: $(STAMP) ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and what the tools left (demo/ and demo-slurm/ stay)
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find mqi_tui tests tools benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@set -eu; python='$(PYTHON)'; \
	if [ -z "$$python" ] || ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "mqi-tui needs Python 3.11 or newer; found: $$("$${python:-python3}" --version 2>&1 || true)." \
			'Install it, or name one: make PYTHON=/path/to/python3.11' >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$python cannot make a virtual environment: its module ensurepip or venv is missing." \
			'On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; fi; \
	if [ ! -e '$@' ] || ! $(BIN)/python -c ''; then \
		echo 'setting up $(VENV) (a minute or two)'; rm -rf $(VENV); "$$python" -m venv $(VENV); fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'; \
	touch '$@'

# Everything starts here: `make demo`, `make dev`, `make test`. The environment is made when it is first needed.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MONTHS ?= 2013-01..2013-06
export DAGSTER_DG_UPDATE_CHECK_ENABLED = 0
# Images set it for programs that start once. Here each process would compile Dagster and all the others anew: import 1.7 s instead of 4.1.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo dev test lint bench clean

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# uv installs in seconds what takes pip minutes; UV_FIND_LINKS lets it see the wheels that pip is told of.
$(READY): pyproject.toml constraints.txt
	@echo "installing into $(VENV), once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@UV_FIND_LINKS="$${PIP_FIND_LINKS:-}" $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[dev]' --constraint constraints.txt
	@touch $@

demo: $(READY)  ## land six months of real flights and take them through to a champion and its predictions
	$(BIN)/ml-assets land flight_delays --partitions $(MONTHS)
	$(BIN)/ml-assets run flight_delays --partitions $(MONTHS)
	$(BIN)/ml-assets history flight_delays

# The shell becomes Dagster, so that signals reach it; whatever ends it (Ctrl-C, a signal, a crash), the pages end a moment later.
dev: $(READY)  ## open the Dagster UI on http://127.0.0.1:3000, and the pages it links to on http://127.0.0.1:3001
	@$(BIN)/ml-assets view & pages=$$!; \
	(while kill -0 $$$$ 2>/dev/null && kill -0 $$pages 2>/dev/null; do sleep 1; done; kill $$pages 2>/dev/null) & \
	DAGSTER_HOME=$(CURDIR) VIRTUAL_ENV=$(CURDIR)/$(VENV) exec $(BIN)/dg dev

test: $(READY)  ## all tests; those that need a server skip where there is none
	$(BIN)/pytest -m '' --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -q ml_assets_tests/test_architecture.py

bench: $(READY)  ## what we claim to be fast, measured
	$(BIN)/python -m benchmarks

clean:  ## remove the environment and everything made locally
	rm -rf $(VENV) .ml_assets .tmp_dagster_home_* .mypy_cache .ruff_cache .pytest_cache .hypothesis

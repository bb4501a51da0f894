# `make` lists what there is.  Everything is installed into .venv of this folder.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help demo live test lint unit bench bench-streams bench-live bench-memory chaos fuzz services services-down clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install -c constraints.txt --group test
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	echo "no chromium: the test that looks at the report in a browser will be skipped"
	@touch $@

demo: $(VENV)/.installed ## replay a real stream with three learners and a drift detector
	@STREAMADAPT_SIGNING_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_hex())') \
	$(BIN)/streamadapt replay ops/demo/pipeline.yaml --out .demo --fresh --source \
	"$$($(BIN)/python -c 'from importlib.util import find_spec; print(find_spec("river").submodule_search_locations[0])')/datasets/shuttle.csv.gz"

live: $(VENV)/.installed ## a real Kafka and Redis, two workers, a stream: predictions as they come
	@$(BIN)/python ops/services/services.py fetch
	@$(BIN)/python ops/live/demo.py

test: lint unit ## everything: style, types, import rules, tests

lint: $(VENV)/.test ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Before the tests, so that no test waits for a download, or says what is missing in its stead.
$(VENV)/.servers: $(VENV)/.test ops/services/jars.sha256
	@[ "$$STREAMADAPT_NO_SERVERS" = 1 ] || $(BIN)/python ops/services/services.py fetch
	@[ "$$STREAMADAPT_NO_SERVERS" = 1 ] || touch $@

services: $(VENV)/.servers ## start a Kafka and a Redis in .services, say where they are
	@$(BIN)/python ops/services/services.py up --export

services-down: $(VENV)/.installed ## stop what `make services` started
	@$(BIN)/python ops/services/services.py down

JOBS ?= 2
unit: $(VENV)/.servers ## the tests alone, JOBS= at a time
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

bench: $(VENV)/.test ## the Hoeffding tree against River and MOA (fetches MOA's jar from PyPI)
	$(BIN)/python benchmarks/hoeffding_tree.py
	$(BIN)/python benchmarks/forests.py
	$(BIN)/python benchmarks/adaptive_tree_seeds.py
	$(BIN)/python benchmarks/boosting.py
	$(BIN)/python benchmarks/regressors.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/generators.py
	$(BIN)/python benchmarks/detectors.py
	$(BIN)/python benchmarks/tune.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/checkpoints.py
	$(BIN)/python benchmarks/feature_drift.py
	$(BIN)/python benchmarks/rvfl.py

bench-streams: $(VENV)/.test ## our classifiers, MOA's, River's on drifting streams: hours; goes on from results/drift_streams.json
	$(BIN)/python benchmarks/drift_streams.py

bench-memory: $(VENV)/.test ## trees within 1 MiB over ten million rows
	$(BIN)/python benchmarks/bounded_memory.py

SEED ?= 1
FAULTS ?= 200
DRIVER ?= kafka-python
BROKERS ?= 1
ONLY ?=
chaos: $(VENV)/.servers ## kill, stop and cut off live workers and their servers: SEED= FAULTS= DRIVER= BROKERS= ONLY=
	$(BIN)/python -m tests.faults.chaos --seed $(SEED) --faults $(FAULTS) --driver $(DRIVER) --brokers $(BROKERS) $(if $(ONLY),--only $(ONLY))

.quixstreams: $(BIN)/python
	$(PIP) install --target $@ quixstreams==3.28.1

bench-live: $(VENV)/.servers .quixstreams ## live workers, end to end through a real broker, against bare loops, River, Quix Streams
	QUIXSTREAMS_PATH=.quixstreams $(BIN)/python benchmarks/end_to_end.py

fuzz: $(VENV)/.test ## property tests with many new examples
	$(BIN)/python -m pytest tests --hypothesis-profile=search -m hypothesis

clean: ## remove what was made here, and the cache of compiled kernels
	[ ! -d .services ] || $(BIN)/python ops/services/services.py down
	rm -rf $(VENV) .quixstreams .demo .chaos .live .services .services-tests build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf "$${STREAMADAPT_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/streamadapt}/kernels"

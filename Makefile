# Everything a developer, CI and a newcomer run. `make` alone lists the targets.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup triton clients demo test bench-inference bench-mesh bench-triton check format generate lock clean bench-stats bench-experiments bench-registry

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

setup: $(STAMP)  ## make .venv with the locked versions

$(STAMP): requirements/dev.txt pyproject.toml requirements/bootstrap.sh
	@bash requirements/bootstrap.sh $(VENV)
	@touch $(STAMP)

demo: $(STAMP)  ## run a real experiment through real Envoy (KEEP=1 leaves it running)
	@$(PYTHON) -m examples.digits $(if $(KEEP),--keep) $(if $(DATA_DIR),--data-dir $(DATA_DIR))

triton: $(STAMP)  ## make .venv-triton: a Triton server for `algolink up --engine triton` (300 MB)
	@bash requirements/triton.sh $(PYTHON) .venv-triton

clients: $(STAMP)  ## make .venv-clients: kserve's and MLServer's own clients, for tests (600 MB)
	@bash requirements/clients.sh $(PYTHON) .venv-clients

test: $(STAMP)  ## run the whole test suite
	@bash requirements/triton.sh $(PYTHON) .venv-triton || [ $$? = 3 ]  # 3: not for this machine
	@bash requirements/clients.sh $(PYTHON) .venv-clients || [ $$? = 3 ]
	$(PYTHON) -m pytest

bench-inference: $(STAMP) .venv-bench/mlserver/.installed .venv-bench/kserve/.installed  ## compare our front with other servers (5 minutes)
	@bash requirements/triton.sh $(PYTHON) .venv-triton || [ $$? = 3 ]
	$(PYTHON) -m benchmarks.inference

bench-triton: triton  ## what Envoy in front of Triton costs (3 minutes)
	$(PYTHON) -m benchmarks.inference.through_envoy

.venv-bench/%/.installed: benchmarks/inference/peers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -q -r $<
	@touch $@

check: $(STAMP)  ## format, lint, types, import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench-stats: $(STAMP)  ## false decisions, power and coverage of the statistics, by simulation
	$(PYTHON) -m benchmarks.stats.ramp_error
	$(PYTHON) -m benchmarks.stats.policy_error
	$(PYTHON) -m benchmarks.stats.simulate_core $(if $(SCALE),--scale $(SCALE))

bench-registry: $(STAMP)  ## transfers, watches and lists of the registry (MIB=2048 MODELS=100000)
	$(PYTHON) -m benchmarks.registry.transfers $(if $(MIB),--mib $(MIB))
	$(PYTHON) -m benchmarks.registry.watchers
	$(PYTHON) -m benchmarks.registry.lists $(if $(MODELS),--models $(MODELS))

bench-experiments: $(STAMP)  ## how fast units are assigned and outcomes stored (4 minutes)
	$(PYTHON) -m benchmarks.experiments.assignment
	$(PYTHON) -m benchmarks.experiments.outcomes

bench-mesh: $(STAMP)  ## changes to requests, Envoy's start, memory, what the chain adds (8 minutes)
	$(PYTHON) -m benchmarks.mesh $(PARTS)

format: $(STAMP)  ## format and fix what ruff can fix
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

generate: $(STAMP)  ## regenerate the messages from protos/
	$(PYTHON) -m grpc_tools.protoc -Iprotos --python_out=. --pyi_out=. --grpc_python_out=. \
		$$(find protos -name '*.proto' | sort)

lock: $(STAMP)  ## resolve the ranges in pyproject.toml anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/dev.txt
	uv pip compile pyproject.toml -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/runtime.txt
	uv pip compile requirements/triton.in --no-deps -c <(grep '^onnxruntime==' requirements/dev.txt | tr -d '\\') \
		--universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/triton.txt
	for client in kserve mlserver; do uv pip compile requirements/clients/$$client.in \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q \
		-o requirements/clients/$$client.txt || exit 1; done

clean:  ## remove the environment and all caches
	rm -rf $(VENV) .venv-bench .venv-triton .venv-clients .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info

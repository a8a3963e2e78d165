# Everything runs from a checkout with Python 3.11 or newer and make: environments are
# made when a goal needs them, from pinned requirements, and again when those change.

VENV := .venv
BIN := $(VENV)/bin
CODEGEN := .venv-codegen
LOCK := .venv-lock
PIP := -m pip --disable-pip-version-check
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python

TYPED_CODE := sdk services tests docs compiled $(wildcard bench)
PYTEST_ARGS ?=
# All tests are spread over processes; a few, narrowed by PYTEST_ARGS, run in one.
SPREAD = $(if $(strip $(PYTEST_ARGS)),,--numprocesses auto --dist worksteal)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-corrections demo-credentials demo-elsewhere up test lint types imports protos protos-check pytest docs-reference \
	wheels compiled compiled-wheel bench fuzz fuzz-benefits fuzz-calls fuzz-histories fuzz-settlement fmt lock clean runtime dev

##@ Try it
demo: runtime ## The golden path: three published bills, from registration to reversal
	@$(BIN)/yibao demo

demo-corrections: runtime ## A bill corrected, a later one moved and paid out, a line returned
	@$(BIN)/yibao demo corrections

demo-credentials: runtime ## A card lost and replaced, codes offline, the issuer's key killed
	@$(BIN)/yibao demo credentials

demo-elsewhere: runtime ## Two stays in another city: a referral, audited on site, and an emergency
	@$(BIN)/yibao demo elsewhere

up: runtime ## All services on this machine, data kept; UP_ARGS=--fresh erases; Ctrl-C ends
	@$(BIN)/yibao up $(UP_ARGS)

##@ Check it
test: lint types imports protos-check pytest ## Everything that a change must pass

lint: dev ## Style of Python and protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos

types: dev ## Types, strictly
	$(BIN)/mypy $(TYPED_CODE)

imports: dev ## Who may import whom
	$(BIN)/lint-imports
	cd tests && ../$(BIN)/python -m support.pure_rules

# Tests start processes by the hundred: each would compile everything again where the
# environment forbids to keep bytecode.
pytest: dev ## The tests alone; PYTEST_ARGS='tests/unit -k name' narrows them
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --durations=10 $(SPREAD) $(PYTEST_ARGS)

fuzz: dev ## A million changed QR codes, for the nights; FUZZ_ARGS='--seed 7' repeats a run
	cd tests && ../$(BIN)/python -m vectors.fuzzing --mutations 1000000 $(FUZZ_ARGS)

fuzz-benefits: dev ## A hundred thousand years of bills by two evaluators; FUZZ_ARGS as above
	cd tests && ../$(BIN)/python -m support.benefit_comparison $(FUZZ_ARGS)

fuzz-calls: dev ## 50,000 messages at random to services that run; FUZZ_ARGS as above
	cd tests && ../$(BIN)/python -m support.call_fuzzing.calls $(FUZZ_ARGS)

fuzz-histories: dev ## Five thousand histories of bills with all checks; FUZZ_ARGS as above
	cd tests && ../$(BIN)/python -m support.history_model $(FUZZ_ARGS)

fuzz-settlement: dev ## 100,000 operations on both databases, held to the model; FUZZ_ARGS as above
	cd tests && ../$(BIN)/python -m support.history_fuzzing $(FUZZ_ARGS)

protos-check: $(CODEGEN)/.made ## Whether the committed stubs are those of the protos
	@rm -rf var/stubs && mkdir -p var/stubs
	@$(call generate,var/stubs)
	@$(call stub_sums,sdk) > var/stubs.committed
	@$(call stub_sums,var/stubs) > var/stubs.fresh
	@diff var/stubs.committed var/stubs.fresh || \
		{ echo "The stubs in sdk/ are not those of protos/: run 'make protos'."; exit 1; }
	@rm -r var/stubs var/stubs.committed var/stubs.fresh
	@echo "The stubs are fresh."

# YIBAO_PURE_PYTHON=1 measures the sources.
bench: compiled ## How fast it is here, compiled, against limits measured in the same run
	$(BIN)/python -m bench $(BENCH_ARGS)

##@ Change it
fmt: dev ## Format Python and protos
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write protos

protos: $(CODEGEN)/.made ## Make the stubs in sdk/ again
	find sdk/yibao -name '*_pb2*' -not -path '*/__pycache__/*' -delete
	@$(call generate,sdk)

docs-reference: dev ## Make the reference pages of the API again
	$(BIN)/python -m docs.generate_reference

wheels: runtime ## Both distributions as files to install: dist/*.whl
	@rm -rf dist && mkdir dist
	@cd sdk && ../$(BIN)/python -m hatchling build -t wheel -d ../dist
	@$(BIN)/python -m hatchling build -t wheel -d dist

compiled: dev ## Compile what decides bills ahead of time, for this environment, and compare; needs a C compiler
	@$(BIN)/python -m compiled
	@$(BIN)/python -m pytest -q -n 0 tests/integration/test_compiled.py

compiled-wheel: compiled ## The same as a file to install beside the others: dist/*.whl
	@mkdir -p dist && rm -f dist/yibao_server_compiled-*.whl
	@cd compiled && ../$(BIN)/python -m hatchling build -t wheel -d ../dist

lock: $(LOCK)/.made ## Resolve requirements/*.in; LOCK_ARGS=--upgrade takes newer versions
	cd requirements && for name in runtime dev codegen; do \
		../$(LOCK)/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 \
			--generate-hashes --no-header --no-annotate --no-emit-index-url \
			--no-emit-find-links $(LOCK_ARGS) $$name.in --output-file $$name.txt || exit 1; \
	done

clean: ## Remove all that make and yibao have made here, environments and data too
	rm -rf $(VENV) $(CODEGEN) $(LOCK) var build dist .pytest_cache .mypy_cache \
		.ruff_cache sdk/.ruff_cache .import_linter_cache .hypothesis
	find services sdk tests docs $(wildcard bench) \
		-name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

# Environments. Dependencies come hashed and pinned; the two distributions of this tree
# are installed in place, after them, with nothing left to resolve.
runtime: $(VENV)/.runtime $(VENV)/.tree ; @:
dev: $(VENV)/.dev $(VENV)/.tree ; @:

$(VENV)/.runtime: requirements/runtime.txt | $(VENV)/bin/python
	@echo "Installing what the services need into $(VENV) ..."
	@$(BIN)/python $(PIP) install -qq --require-hashes -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need into $(VENV) ..."
	@$(BIN)/python $(PIP) install -qq --require-hashes -r $<
	@touch $@ $(VENV)/.runtime

$(VENV)/.tree: pyproject.toml sdk/pyproject.toml $(VENV)/.runtime
	@$(BIN)/python $(PIP) install -qq --no-deps --no-build-isolation -e sdk -e .
	@touch $@

$(VENV)/bin/python:
	@$(call make_environment,$(VENV))

$(CODEGEN)/.made: requirements/codegen.txt
	@$(call make_environment,$(CODEGEN))
	@echo "Installing the generator of the stubs into $(CODEGEN) ..."
	@$(CODEGEN)/bin/python $(PIP) install -qq --require-hashes -r $<
	@touch $@

$(LOCK)/.made:
	@$(call make_environment,$(LOCK))
	@$(LOCK)/bin/python $(PIP) install -qq uv==0.13.9
	@touch $@

# The first Python that is new enough and can make environments; PYTHON=... chooses one.
define make_environment
for python in $(or $(PYTHON),$(PYTHONS)); do \
	if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null; then \
		echo "Making $(1) with `$$python --version` ..."; \
		exec $$python -m venv --clear $(1); \
	fi; \
done; \
echo "yibao needs Python 3.11 or newer with venv and ensurepip; none of these has all:"; \
echo "  $(or $(PYTHON),$(PYTHONS))"; \
echo "Debian and Ubuntu keep venv apart: apt install python3-venv. Or name one: make PYTHON=..."; \
exit 1
endef

# protoc writes a _pb2_grpc file for each proto; those without a service hold nothing.
define generate
cd protos && PATH="$(CURDIR)/$(CODEGEN)/bin:$$PATH" \
	$(CURDIR)/$(CODEGEN)/bin/python -m grpc_tools.protoc -I . \
	--python_out=../$(1) --grpc_python_out=../$(1) \
	--mypy_out=quiet:../$(1) --mypy_grpc_out=quiet:../$(1) \
	`find yibao -name '*.proto' | sort` && cd .. && \
find $(1)/yibao -name '*_pb2_grpc.py' | while read -r file; do \
	grep -q '^class' "$$file" || rm "$$file" "$${file}i"; \
done
endef

stub_sums = (cd $(1) && find yibao -name '*_pb2*' -not -path '*/__pycache__/*' | sort | xargs cksum)

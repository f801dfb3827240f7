# These need nothing but Python 3.11 or newer; everything else lands in .venv, which has the service,
# and in .venv-trainer, which has the trainer: two programs that share nothing but HTTP.
.DELETE_ON_ERROR:
.PHONY: demo train-demo test test-service test-trainer test-trainers test-faults check fuzz bench format serve image image-trainer image-requirements test-image audit sbom clean
SHELL := /bin/bash

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRAINER_VENV := .venv-trainer
TRAINER_BIN := $(TRAINER_VENV)/bin
TRAINER_STAMP := $(TRAINER_VENV)/.installed
BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) is needed: set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[server,dev]'
	@touch $@

# torch first and by itself: a machine that has a wheel without CUDA at hand offers it for the bare name.
$(TRAINER_STAMP): pyproject.toml constraints-trainer.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) is needed: set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(TRAINER_BIN)/python || $(PYTHON) -m venv $(TRAINER_VENV)
	$(TRAINER_BIN)/python $(PIP_INSTALL) --constraint constraints-trainer.txt torch
	$(TRAINER_BIN)/python $(PIP_INSTALL) --constraint constraints-trainer.txt --editable '.[trainer,test]'
	@touch $@

demo: $(STAMP)  ## Start the service on a free port, score the examples over HTTP, explain one of each tier.
	$(BIN)/python examples/demo.py

train-demo: $(STAMP) $(TRAINER_STAMP)  ## Data, warm start, GRPO, evaluation and report on two CPU cores.
	$(TRAINER_BIN)/python examples/train_demo.py --verifier $(BIN)/verifier

test: test-service test-trainer  ## Run all tests.

PROMTOOL := $(BIN)/promtool

$(PROMTOOL): $(STAMP)
	tests/observability/install-promtool $@ || echo "the tests of alerts and dashboards will be skipped" >&2

test-service: $(STAMP) $(PROMTOOL)  ## Run the tests of the service, and those of the trainer that need no torch.
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-trainer: $(STAMP) $(TRAINER_STAMP)  ## Run the tests of the trainer in its own environment.
	OMP_NUM_THREADS=1 VERIFIER_PYTHON=$(CURDIR)/$(BIN)/python $(TRAINER_BIN)/python -m pytest -n 2 --dist loadfile tests/trainer tests/training \
		tests/integrations/test_trl.py tests/integrations/test_roll.py

test-trainers: $(STAMP) $(TRAINER_STAMP)  ## Run other trainers' own reward code, each in an environment of its own.
	$(BIN)/python -m tests.trainers $(TRAINERS)

test-image: $(STAMP)  ## Build the image on a base made of Debian's packages and run it as a restricted pod (root, apt).
	tests/image/build localhost/verifier-service:test
	VERIFIER_IMAGE=localhost/verifier-service:test $(BIN)/python -m pytest tests/image

FAULT ?= tests/faults

test-faults: $(STAMP)  ## Kill, stop, fill, delay and flood a running service, for ten minutes; FAULT=FILE for one kind (root: all of it).
	@command -v /usr/sbin/nginx nginx >/dev/null && ls /usr/lib/*/faketime >/dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get install --yes nginx-light libfaketime; } \
		|| echo "nginx-light and libfaketime are not both here: what needs them is skipped" >&2
	FAULTS=whole $(BIN)/python -m pytest $(FAULT)

check: $(STAMP)  ## Formatting, lint and types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

FUZZ_SECONDS ?= 600

fuzz: $(STAMP)  ## Look for completions and requests that break something, for FUZZ_SECONDS.
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[server,dev,fuzz]'
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)

$(BENCH_STAMP): pyproject.toml constraints.txt benchmarks/requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) is needed: set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[server]'
	$(BENCH_VENV)/bin/python $(PIP_INSTALL) --requirement benchmarks/requirements.txt
	@touch $@

BENCH ?=

bench: $(BENCH_STAMP)  ## Measure what a reward costs, beside others; BENCH=--quick takes two minutes instead of ten.
	@command -v wrk >/dev/null || { test "$$(id -u)" = 0 && apt-get install --yes wrk; } \
		|| echo "no wrk here (apt-get install wrk): nothing will be measured under load" >&2
	$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)
	$(BENCH_VENV)/bin/python -m benchmarks.report

format: $(STAMP)  ## Rewrite files in the house format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: $(STAMP)  ## Serve on http://127.0.0.1:8080.
	$(BIN)/verifier serve

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' verifier_service/_version.py)
BUILDER ?= $(shell command -v docker || command -v podman || command -v buildah)
NEED_BUILDER = test -n "$(BUILDER)" || { echo "docker, podman or buildah is needed: install one, or set BUILDER=/path/to/it" >&2; exit 1; }
IMAGE ?= verifier-service:$(VERSION)
TRAINER_IMAGE ?= verifier-trainer:$(VERSION)
LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) \
	--build-arg SOURCE=$$(git config --get remote.origin.url)

image:  ## Build the service's image with docker, podman or buildah: IMAGE=name, BUILD_ARGS='--build-arg BASE_IMAGE=…'.
	@$(NEED_BUILDER)
	$(BUILDER) build $(LABELS) $(BUILD_ARGS) --tag $(IMAGE) .

image-trainer:  ## Build the trainer's image: TRAINER_IMAGE=name, BUILD_ARGS='--build-arg BASE_IMAGE=…'.
	@$(NEED_BUILDER)
	$(BUILDER) build $(LABELS) $(BUILD_ARGS) --file Dockerfile.trainer --tag $(TRAINER_IMAGE) .

PIN := $(BIN)/uv pip compile --constraint constraints.txt --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet

image-requirements: $(STAMP)  ## Pin what the image installs, with hashes, to the versions of constraints.txt.
	$(BIN)/python $(PIP_INSTALL) uv
	$(PIN) --extra server --extra otel --output-file requirements-image.txt pyproject.toml
	echo hatchling | $(PIN) --output-file requirements-image-build.txt -

AUDIT_VENV := .venv-audit
AUDIT_BIN := $(AUDIT_VENV)/bin
AUDIT_STAMP := $(AUDIT_VENV)/.installed

$(AUDIT_STAMP): constraints-audit.txt
	@test -x $(AUDIT_BIN)/python || $(PYTHON) -m venv $(AUDIT_VENV)
	$(AUDIT_BIN)/python $(PIP_INSTALL) --requirement constraints-audit.txt
	@touch $@

audit: $(AUDIT_STAMP)  ## Look what the image installs up in the advisory databases (over the network).
	$(AUDIT_BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-image.txt

IMAGE_VENV := .venv-image
IMAGE_STAMP := $(IMAGE_VENV)/.installed

$(IMAGE_STAMP): requirements-image.txt $(AUDIT_STAMP)
	rm -rf $(IMAGE_VENV) && $(PYTHON) -m venv --without-pip $(IMAGE_VENV)
	$(AUDIT_BIN)/python -m pip --python $(IMAGE_VENV)/bin/python install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement $<
	@touch $@

sbom: $(IMAGE_STAMP)  ## Write sbom.json: what the image installs, with licences and dependencies, as CycloneDX.
	$(AUDIT_BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-file sbom.json $(IMAGE_VENV)/bin/python

clean:
	rm -rf $(VENV) $(TRAINER_VENV) $(BENCH_VENV) $(AUDIT_VENV) $(IMAGE_VENV) .venv-trainers .mypy_cache .pytest_cache .ruff_cache .hypothesis .fuzz

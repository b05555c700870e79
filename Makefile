# Every target makes what it needs: a fresh machine with Python 3.11 and make can run any of them first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
GENERATE := $(VENV)/generate
GENERATE_READY := $(GENERATE)/.ready
STUBS := $(addprefix clients/python/spotreel/,media orchestrator worker) $(addprefix clients/go/,media orchestrator worker) \
  clients/go/service_config.json clients/typescript/src/gen clients/java/src/generated
NODE_MODULES := clients/typescript/node_modules/.ready

# Most tests wait more than they compute.
PARALLEL := -n $(shell echo $$(($$(nproc) + 1))) --dist worksteal

GO ?= go
MVN ?= mvn --quiet --batch-mode --no-transfer-progress

.PHONY: help setup demo demo-vast test test-fast test-clients client-go client-typescript client-java check check-long lint types protos generate checkgenerate nodrift configuration bench bench-gpu gallery lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Install everything into .venv

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Spotreel needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY) ## Caption a video, make a film of a still, put sound to a video: into out/demo
	$(BIN)/spotreel demo --out out/demo

demo-vast: $(READY) ## Show a rental from the offers to the bill, on a simulated marketplace: into out/demo-vast
	$(BIN)/python -m tools.demo_vast --out out/demo-vast

test: $(READY) ## Run all tests but those of the clients in other languages
	$(BIN)/python -m pytest $(PARALLEL) --ignore tests/clients

test-fast: $(READY) ## Run the tests that start no process and encode nothing
	$(BIN)/python -m pytest -m 'not slow' tests/unit tests/contracts tests/properties

test-clients: $(READY) ## Build the clients of all languages, run their own tests, examine them against the real service
	tools/with-toolchain.sh 'the Go client' go -- $(MAKE) --no-print-directory client-go
	tools/with-toolchain.sh 'the TypeScript client' node npm -- $(MAKE) --no-print-directory client-typescript
	tools/with-toolchain.sh 'the Java client' java mvn -- $(MAKE) --no-print-directory client-java
	$(BIN)/python -m pytest $(PARALLEL) tests/clients

client-go: ## Build the Go client and grpcurl, and test the client
	cd clients/go && { test -z "$$(gofmt -l .)" || { gofmt -d . ; false; }; } && $(GO) vet ./... && $(GO) test ./...
	$(GO) -C clients/go build -o "$(CURDIR)/out/clients/conformance-go" ./internal/conformance
	$(GO) -C clients/go build -o "$(CURDIR)/out/clients/caption-go" ./examples/caption
	GOBIN="$(CURDIR)/out/clients/bin" $(GO) -C tools/go install github.com/fullstorydev/grpcurl/cmd/grpcurl

client-typescript: $(NODE_MODULES) ## Build and test the TypeScript client
	cd clients/typescript && npm run build && npm test

client-java: ## Build and test the Java client
	$(MVN) -f clients/java verify

check: lint types protos checkgenerate test test-clients ## Everything that CI asks

check-long: $(READY) ## What check has no time for: 200 random hours of a fleet's bad luck, 500 damaged files, in about 12 minutes on two cores
	$(BIN)/python -m tests.properties.fleet.schedule --count 200 --all-kinds
	$(BIN)/python -m tests.robustness.worker.fuzz --count 500

lint: $(READY) ## ruff, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict
	$(BIN)/mypy

protos: $(READY) ## buf: lint, format, and no breaking change against main
	$(BIN)/buf lint
	$(BIN)/buf format -d --exit-code protos
	tools/breaking.sh

$(GENERATE_READY): requirements/generate.txt tools/go/go.sum tools/java/pom.xml $(NODE_MODULES) $(READY)
	test -x $(GENERATE)/bin/pip || $(PYTHON) -m venv --clear $(GENERATE)
	$(GENERATE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/generate.txt
	GOBIN="$(CURDIR)/$(GENERATE)/bin" $(GO) -C tools/go install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
	$(MVN) -f tools/java generate-resources "-Dto=$(CURDIR)/$(GENERATE)/java"
	chmod +x $(GENERATE)/java/*
	touch $@

generate: $(GENERATE_READY) ## Write the generated stubs from protos/; needs Go, Node, Java and Maven too
	rm -rf $(STUBS)
	$(BIN)/buf generate
	$(BIN)/buf generate --template clients/typescript/buf.gen.yaml
	cp protos/service_config.json clients/go/service_config.json
	{ printf 'export const serviceConfig = '; cat protos/service_config.json; echo ';'; } > clients/typescript/src/gen/service_config.ts

checkgenerate: ## Fail if the committed stubs are not what the protos give
	@tools/with-toolchain.sh 'the check of generated code' go npm mvn -- $(MAKE) --no-print-directory generate nodrift

nodrift:
	@git diff --exit-code --stat -- $(STUBS) && test -z "$$(git status --porcelain -- $(STUBS) | grep '^??')" \
	  || { echo 'The committed stubs differ from protos/: run `make generate` and commit.'; exit 1; }

$(NODE_MODULES): clients/typescript/package-lock.json
	cd clients/typescript && npm ci --no-fund --no-audit
	touch $@

configuration: $(READY) ## Write the tables of docs/configuration.md
	$(BIN)/python -m tools.settings_table

bench: $(READY) ## Measure, and write docs/benchmarks.md
	$(BIN)/python -m tests.bench

gallery: $(READY) ## Make the pictures of docs/gallery.md
	$(BIN)/python -m tools.gallery

bench-gpu: $(READY) ## Measure captions on an NVIDIA GPU against the usual way; without a GPU it says so
	$(BIN)/python -m tests.bench.gpu

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras \
	  pyproject.toml requirements/dev.in -o requirements/dev.txt
	uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  requirements/generate.in -o requirements/generate.txt

clean: ## Remove what the targets made
	rm -rf $(VENV) out clients/typescript/{node_modules,dist} clients/java/target .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

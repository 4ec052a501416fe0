# Everything here runs on a Linux machine with Go, git and make, and downloads Go modules alone.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
IMAGE    ?= flagger:$(VERSION)
TESTER_IMAGE ?= flagger-loadtester:$(VERSION)
KEEP     ?=
CANARIES ?= 100
BENCH_OPERATOR ?=
REQUESTS ?= 1000000
RATE     ?= 200
FOR      ?= 1h
VULNDB   ?= https://vuln.go.dev
SEQUENCES ?= 1000000
SEED     ?= 1
LDFLAGS  := -w -X main.buildVersion=$(VERSION) -X main.buildRevision=$(REVISION)
GOLDEN_ROUTERS := $(patsubst %/testdata,./%,$(wildcard internal/router/*/testdata))
GO_FILES := $(shell find api cmd internal -name '*.go' -not -name '*_test.go')

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: demo
demo: lab-binaries bin/flagger bin/demo ## Two releases before your eyes, a good one and a bad one; KEEP=1 leaves it running
	@bin/demo $(if $(KEEP),-keep)

.PHONY: test
test: bin/lab bin/flagger bin/loadtester bin/kustomize ## Unit tests, the core's traces and all that talks to a real API server
	@bin/lab build kubernetes prometheus helm influxdb
	go test -race ./...
	go test -C hack/sbom ./...

.PHONY: e2e
e2e: lab-binaries bin/flagger bin/loadtester ## Stories on a real gateway under load: promoted, rolled back, killed operators, idle cost
	@bin/lab build hey helm
	@hack/tell.sh "building the stories" go test -tags e2e -c -o /dev/null ./test/e2e
	go test -tags e2e -count=1 -timeout 45m -v ./test/e2e/...

.PHONY: sim
sim: ## Tell random stories until one breaks an invariant: to the core, and a 200th to the controller; SEQUENCES=, SEED=
	go run ./test/sim -level core -sequences $(SEQUENCES) -seed $(SEED)
	go run ./test/sim -level controller -sequences $$(( ($(SEQUENCES) + 199) / 200 )) -seed $(SEED)

.PHONY: bench
bench: lab-binaries bin/flagger bin/bench ## Measure cost and speed; CANARIES=, BENCH_OPERATOR=binary[,binary]
	@BENCH_OPERATOR='$(BENCH_OPERATOR)' bin/bench -canaries $(CANARIES)

.PHONY: e2e-zeroloss
e2e-zeroloss: lab-binaries bin/flagger bin/zeroloss ## Count lost requests over all transitions; REQUESTS=, RATE= per app
	@bin/zeroloss -requests $(REQUESTS) -rate $(RATE)

.PHONY: soak
soak: lab-binaries bin/flagger bin/soak ## Release at random for an hour while the API server fails now and then; FOR=, SEED=
	@bin/soak -for $(FOR) -seed $(SEED)

.PHONY: build
build: bin/flagger bin/loadtester ## Build the operator and the load tester

.PHONY: generate
generate: ## Generate deep copies, CRDs and roles
	go tool controller-gen object paths=./api/...
	go tool controller-gen crd:allowDangerousTypes=true paths=./api/... output:crd:dir=config/crd/bases
	go run ./hack/crd config/crd/bases
	go tool controller-gen rbac:roleName=flagger paths=./internal/controller output:rbac:dir=config/rbac
	cp config/crd/bases/*.yaml charts/flagger/crds/
	cp config/rbac/role.yaml charts/flagger/files/role.yaml

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code
	bin/golangci-lint fmt ./...

.PHONY: lint
lint: bin/golangci-lint ## Lint, the layering of the packages included
	bin/golangci-lint run ./...
	cd hack/sbom && ../../bin/golangci-lint run ./...

.PHONY: golden
golden: bin/lab bin/flagger bin/loadtester bin/kustomize ## Rewrite golden files; review them like code
	@bin/lab build kubernetes prometheus helm influxdb
	go test ./internal/rollout $(GOLDEN_ROUTERS) ./internal/workload ./internal/hook ./internal/telemetry ./internal/analysis ./test/compat ./test/charts ./internal/notify/gchat ./internal/notify/msteams ./internal/notify/slack ./cmd/manager ./test/docs -update
	go test ./test/config -update

.PHONY: verify
verify: generate lint test ## Generate, lint and test; nothing may differ from what is committed
	go mod verify >/dev/null
	@if [ -n "$$(git status --porcelain)" ]; then git status --short; echo "verify: the files above differ from what is committed"; exit 1; fi
	@echo "verify: clean"

.PHONY: image
image: ## Build both images, where a container engine exists
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(IMAGE) .
	docker build -f Dockerfile.loadtester --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(TESTER_IMAGE) .

.PHONY: vulncheck
vulncheck: bin/govulncheck bin/flagger bin/loadtester ## Look for known vulnerabilities in both programs; VULNDB=file:///... for a copy of the database
	@hack/vuln/check.sh bin/govulncheck $(VULNDB) bin/flagger bin/loadtester

.PHONY: sbom
sbom: bin/flagger bin/loadtester ## Write a CycloneDX bill of materials beside each program
	go run -C hack/sbom . $(VERSION) $(CURDIR)/bin/flagger $(CURDIR)/bin/loadtester

.PHONY: lab-binaries
lab-binaries: bin/lab ## Build the lab's control plane, proxy, nodes and Prometheus where they are missing
	@bin/lab build kubernetes kwok traefik prometheus

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin .lab

bin/flagger: $(GO_FILES) go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -trimpath -ldflags "$(LDFLAGS)" -o $@ ./cmd/manager

bin/loadtester: $(GO_FILES) go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -trimpath -ldflags "$(LDFLAGS)" -o $@ ./cmd/loadtester

bin/lab: $(shell find test/lab -name '*.go') go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -o $@ ./test/lab/cmd/lab

bin/demo: $(shell find api test/lab test/story test/demo -name '*.go') go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -o $@ ./test/demo

bin/bench: $(shell find api test/lab test/fleet test/bench -name '*.go') go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -o $@ ./test/bench

bin/zeroloss: $(shell find api test/lab test/story test/zeroloss -name '*.go') go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -o $@ ./test/zeroloss

bin/soak: $(shell find api internal/workload test/lab test/fleet test/soak -name '*.go') go.mod go.sum
	@CGO_ENABLED=0 hack/tell.sh "building $@" go build -o $@ ./test/soak

bin/kustomize: test/config/kustomize/go.mod test/config/kustomize/go.sum
	@hack/tell.sh "building $@" go build -C test/config/kustomize -trimpath -ldflags "-s -w" -o ../../../bin/kustomize sigs.k8s.io/kustomize/kustomize/v5

bin/govulncheck: hack/vuln/go.mod hack/vuln/go.sum
	@hack/tell.sh "building $@" go build -C hack/vuln -o ../../bin/govulncheck golang.org/x/vuln/cmd/govulncheck

bin/golangci-lint: hack/lint/go.mod hack/lint/go.sum
	@hack/tell.sh "building $@" go build -C hack/lint -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

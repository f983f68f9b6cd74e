# clusterflow: make help lists what can be made.
# Binaries go to bin/. What others wrote (Kubernetes, etcd, linters) is built once
# into a cache that all clones share, see test/pinned; bin/kube and bin/tools point there.

VERSION  ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
PLUGINS  := clusterflow-plugins clusterflow-plugins-etcd clusterflow-plugins-kube
MODULES  := . $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod)) test/lab
PORTABLE := ./engine/... ./pipelines/... ./sdk/...
GOLANGCI := $(CURDIR)/bin/tools/golangci-lint
PROTOGO  := sdk/internal/pluginv1 plugins/etcd/internal/etcdapi plugins/internal/cri/criapi
PIPELINE ?= pipelines/embedded.hcl
HOSTS    ?= 1
HOST     ?= n1
TESTTAGS := e2e,lab
ROOT     := $(filter 0,$(shell id -u))
# Without gRPC's own trace pages the linker can leave out what nothing calls: 4 MB of the CLI.
GOBUILD  := CGO_ENABLED=0 go build -buildvcs=false -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)'
ARCHES   ?= amd64 arm64
PROGRAMS := ./cmd/clusterflow $(PLUGINS:%=./plugins/cmd/%)
each      = @set -e; for dir in $(MODULES); do (cd $$dir && set -x && $(1)); done

# The plugins in each binary, which is linked as clusterflow-plugin-NAME; tests compare.
clusterflow-plugins      := core preflight
clusterflow-plugins-etcd := etcd
clusterflow-plugins-kube := pki kubelet controlplane addons
links = $(foreach binary,$(PLUGINS),$(foreach name,$($(binary)),ln -sfn $(binary) $(1)/clusterflow-plugin-$(name);))

# Tests with real hosts that take minutes each. make test leaves them to make lab-test.
LABLONG := TestManyHosts|TestIPv6|TestJoinKilled|TestJoin$$|TestJoinMistakes|TestKubeadm$$|TestBrokenInit|TestBrokenRegistry|TestOptions|TestSelfHosted|TestExternalEtcd|TestResetLeaves|TestResetHalfMade|TestJoinKubeadm|TestKubeadmJoins$$|TestKilledLabIsRemoved|TestKilledOften|TestKilledUndo|TestUndo$$

# labtest runs the tests with real hosts, which install clusterflow from an archive.
define labtest
@$(MAKE) dist VERSION=lab ARCHES=$(shell go env GOARCH)
cd test/lab && CLUSTERFLOW_LAB=require go test -tags lab -count=1 -timeout 60m $(1) ./tests/...
endef

# archive packs one architecture. Unpack it anywhere and link bin/clusterflow into the PATH.
define archive
@set -e; name=clusterflow-$(VERSION)-linux-$(1); tree=dist/$$name; rm -rf $$tree; mkdir -p $$tree/completion; \
	set -x; GOOS=linux GOARCH=$(1) $(GOBUILD) -o $$tree/bin/ $(PROGRAMS); \
	set +x; $(call links,$$tree/bin) \
	for shell in bash zsh fish; do bin/clusterflow completion $$shell >$$tree/completion/clusterflow.$$shell; done; \
	(cd pipelines && find . -name '*.hcl' -exec install -D -m 0644 {} ../$$tree/pipelines/{} \;); \
	cp LICENSE README.md CHANGELOG.md $$tree/; \
	tar -C dist --sort=name --owner=0 --group=0 --numeric-owner -czf $$tree.tar.gz.part $$name; \
	mv $$tree.tar.gz.part $$tree.tar.gz; rm -rf $$tree; ls -l $$tree.tar.gz

endef

# Go needs a home for its caches; without a usable one it gets one in the clone.
ifneq ($(shell test -d "$$HOME" -a -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.home
export GOFLAGS := $(GOFLAGS) -modcacherw
endif
export GOWORK := off

.DEFAULT_GOAL := help
.PHONY: help build dist cross kube tools demo demo-down lab lab-shell lab-down lab-kit lab-test lab-core labctl test test-faults bench bench-init bench-join lint fmt proto golden clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## Build clusterflow and its plugins into bin/
	@echo "Building clusterflow and its plugins; the first time this takes a minute or two."
	$(GOBUILD) -o bin/ $(PROGRAMS)
	@$(call links,bin)

kube: ## Build Kubernetes and etcd into bin/kube (once, a few minutes)
	@go run -buildvcs=false ./test/pinned kube bin/kube

demo: build kube ## Start a real control plane as local processes; root is not needed
	bin/clusterflow apply $(PIPELINE) --state-dir .clusterflow --auto-approve

demo-down: build ## Stop what make demo started and remove it
	bin/clusterflow undo $(PIPELINE) --state-dir .clusterflow --auto-approve

dist: build ## Pack programs, pipelines and completion into dist/, an archive for each ARCHES
	$(foreach arch,$(ARCHES),$(call archive,$(arch)))

lab: lab-kit ## Bring up real hosts, HOSTS=1 or more, with KUBEADM=1 if need be (root)
	bin/labctl up -hosts $(HOSTS) $(if $(KUBEADM),-kubeadm)

lab-shell: labctl ## Get a shell in a host of the lab, HOST=n1 or another
	@bin/labctl shell $(HOST) || true # what it ends with is the business of who typed

lab-down: labctl ## Remove the lab and all that its hosts have
	@bin/labctl down

lab-kit: kube labctl ## Build what hosts are made of (once, about ten minutes)
	@go run -buildvcs=false ./test/pinned lab bin/lab
	@bin/labctl kit

lab-test: lab-kit ## Run all tests that need real hosts, for half an hour (root)
	$(call labtest,)

lab-core: lab-kit
	$(call labtest,-skip '$(LABLONG)')
	@echo "make test: run by make lab-test only: $(subst |, ,$(LABLONG))"

bench-join: lab-kit ## Measure joins beside those of kubeadm (root)
	@$(MAKE) dist VERSION=lab ARCHES=$(shell go env GOARCH)
	cd test/lab && CLUSTERFLOW_LAB=require go test -tags lab,bench -count=1 -timeout 40m -v -run TestBenchJoin ./tests/... | grep -v '^ *lab:'

labctl:
	@cd test/lab && go build -buildvcs=false -o $(CURDIR)/bin/labctl ./cmd/lab

cross: ## Check that everything compiles where it must: the CLI also for macOS and Windows
	GOOS=linux GOARCH=arm64 go vet ./... && GOOS=linux GOARCH=arm64 go build ./...
	GOOS=darwin GOARCH=arm64 go vet $(PORTABLE) && GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/clusterflow
	GOOS=windows GOARCH=amd64 go vet $(PORTABLE) && GOOS=windows GOARCH=amd64 go build -o /dev/null ./cmd/clusterflow
	$(call each,GOARCH=arm64 go build ./...)

test: lint build kube cross $(if $(ROOT),lab-core) ## Check everything: lint, race tests, examples, the embedded pipeline, real hosts
	$(call each,go vet -tags $(TESTTAGS) ./... && CGO_ENABLED=1 go test -race ./...)
	go test -tags e2e -count=1 -timeout 10m -run Real ./plugins/...
	go test -tags e2e -count=1 -timeout 5m ./test/faults/...
	go test -tags e2e -count=1 -timeout 20m ./test/e2e/...
	$(if $(ROOT),,@echo "make test: not run: the tests that need real hosts, because they need root")

test-faults: build ## Kill, stop and starve engine and plugins a few hundred times; prints figures
	CLUSTERFLOW_FAULTS=200 go test -tags e2e -count=1 -timeout 60m -v ./test/faults/...

bench: build ## Run the benchmarks, then measure the command line beside its peers
	go test -run '^$$' -bench . -benchmem ./...
	go run ./test/bench bin

bench-init: lab-kit ## Measure init.hcl beside kubeadm init in the lab, five times each (root)
	@$(MAKE) --no-print-directory dist VERSION=lab ARCHES=$(shell go env GOARCH) >/dev/null
	cd test/lab && go run -buildvcs=false ./cmd/benchinit

lint: tools ## Check style, import rules and the protocols
	$(call each,$(GOLANGCI) run --config $(CURDIR)/.golangci.yml)
	bin/tools/buf lint && bin/tools/buf generate -o .cache/proto
	set -e; for dir in $(PROTOGO); do diff -r .cache/proto/$$dir $$dir; done # differs? make proto

fmt: tools ## Format Go and protocol files
	$(call each,$(GOLANGCI) fmt --config $(CURDIR)/.golangci.yml)
	bin/tools/buf format -w

proto: tools ## Generate Go code from the protocols
	bin/tools/buf generate

golden: build ## Rewrite the golden files of tests with what the code makes now
	UPDATE_GOLDEN=1 go test ./...

tools: ## Build the pinned linters and code generators into bin/tools (once)
	@go run -buildvcs=false ./test/pinned tools bin/tools

clean: ## Remove what was built here, not the cache and not a running demo
	rm -rf bin dist .cache/proto

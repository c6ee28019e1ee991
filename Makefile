# The long way round; `make` alone says what there is.
LINT_VERSION := v2.15.0
VULN_VERSION := v1.9.0
PLATFORMS := linux/amd64 linux/arm64 darwin/arm64 windows/amd64
BIN := $(CURDIR)/.bin

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./hookrouter, static and stripped
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o hookrouter ./cmd/hookrouter

test: ## all tests, with the race detector
	go test -race ./...

lint: $(BIN)/golangci-lint-$(LINT_VERSION) ## formatting and the linter, vet included
	gofmt -l . | (! grep .)
	$< run ./...

$(BIN)/golangci-lint-$(LINT_VERSION):
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BIN)/golangci-lint $@

vuln: ## known vulnerabilities in what is compiled in; asks vuln.go.dev
	go run golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION) ./...

manifests: ## the Kubernetes manifests against Kubernetes' own types
	cd deploy/kubernetes && go test ./...

release: ## dist/: binaries, SBOMs and SHA256SUMS for PLATFORMS
	deploy/release $(PLATFORMS)

crash: ## every test at full size, more than an hour; a part of it: make crash RUN=TestCrashPowerCut IN=./faults
	HOOKROUTER_LONG=1 go test -count=1 -p 1 -timeout 6h -v -run '$(RUN)' $(IN)
RUN = .
IN = ./faults ./router/... ./rules/...

planted: ## each row of docs/reliability.md against the bugs that its test must find, some hours; one: make planted ROW=D17
	go test -count=1 -timeout 12h -v -run 'TestPlanted/^$(ROW)$$' ./faults -planted
ROW = .*

bench: ## the table of ratios beside a bare handler and a plain reverse proxy (about 3 minutes)
	go run ./bench

fuzz: ## every fuzz target for a minute each
	@for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 60s -fuzzminimizetime 10x $$pkg || exit 1; done; done

demo: ## tell the story in the terminal
	go run ./cmd/hookrouter demo

ci: ## what the gate runs
	bash .ci/run

.PHONY: help build test lint vuln manifests release crash planted bench fuzz demo ci
.DEFAULT_GOAL := help

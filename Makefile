# Everything a developer or an operator's tester needs; `make help` lists it.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BUILT   ?= $(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.built=$(BUILT)
# The race detector needs a C compiler; without one the tests run without it, and say so.
RACE     = $(shell command -v gcc >/dev/null 2>&1 && echo -race)

.PHONY: help build test lint fuzz bench bench-peers bench-radius demo soak mutants vuln docs proto clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## bin/mbox, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mbox ./cmd/mbox

demo: build ## two boxes in sync on this machine, as an ordinary user
	CGO_ENABLED=0 $(GO) build -o bin/demo ./demo
	bin/demo -mbox bin/mbox

test: ## installs what it lacks (apt, when root) and runs everything
	./.ci/prepare
	@test -n "$(RACE)" || echo "NOTE: no C compiler: the tests run without the race detector"
	GORACE=atexit_sleep_ms=0 $(GO) test $(RACE) -count=1 -timeout 12m ./...

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd bench/peers && $(GO) vet .

fuzz: ## every fuzz target for FUZZTIME (default 30s) each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-30s} $$pkg || exit 1; done; done

bench: build ## what the boxes reach on this machine, as a table
	CGO_ENABLED=0 $(GO) build -o bin/bench ./bench
	bin/bench

bench-peers: ## mbox beside PostgreSQL, MariaDB and Redis (installs them by apt when root); PEERS holds flags
	./bench/peers/prepare
	cd bench/peers && CGO_ENABLED=0 $(GO) build -o ../../bin/bench-peers .
	bin/bench-peers $(PEERS)

bench-radius: build ## mbox beside FreeRADIUS with files, MariaDB and PostgreSQL (installs them by apt when root); RADIUS holds flags
	./bench/radius/prepare
	CGO_ENABLED=0 $(GO) build -o bin/bench-radius ./bench/radius
	bin/bench-radius $(RADIUS)

soak: build ## an hour (SOAK_TIME) of random models, kill -9, faults, fuzzing and mutants, with a summary
	CGO_ENABLED=0 $(GO) build -o bin/hour ./soak/hour
	bin/hour -time $${SOAK_TIME:-1h}

mutants: ## breaks each rule on purpose and prints which test notices; MUTANTS holds flags
	$(GO) run ./mutants $(MUTANTS)

vuln: ## known vulnerabilities in what is linked in (needs vuln.go.dev)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

docs: build ## docs/commands.md and docs/schema from the grammar
	bin/mbox commands > docs/commands.md
	bin/mbox schema docs/schema

proto: ## Go code from the schemas (needs protoc)
	cd proto && PATH="$$($(GO) env GOPATH)/bin:$$PATH" $(GO) generate ./...

clean:
	rm -rf bin

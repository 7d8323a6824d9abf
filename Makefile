.DEFAULT_GOAL := help

# Built through the Go module proxy into ./bin. The version is part of the file's
# name, so that a new pin makes a new build. It needs the newest Go, which the
# library itself does not.
STATICCHECK_VERSION := v0.8.2
STATICCHECK := bin/staticcheck-$(STATICCHECK_VERSION)

# The nested modules. bench is too slow for a test run, and e2e/browser needs a browser.
TESTED_MODULES := e2e jetstream temporal observe/prometheus observe/otel observe/grafana
NESTED_MODULES := $(TESTED_MODULES) e2e/browser bench

MAILPIT_VERSION := v1.27.11
MAILPIT := bin/mailpit-$(MAILPIT_VERSION)

# Later versions have a replace directive, so that go install refuses them.
TEMPORAL_VERSION := v1.5.1
TEMPORAL := bin/temporal-$(TEMPORAL_VERSION)

FUZZTIME ?= 30s
SOAK_KILLS ?= 60
BENCH ?= .
GROWTH ?= 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The packages of a nested module are built together and then tested one after the other: those of
# jetstream start whole clusters.
.PHONY: test
test: ## run all tests, with the race detector and in random order (INSTALL_PGBOUNCER=1)
	scripts/postgres.sh
	go test -race -shuffle=on ./...
	set -e; for module in $(TESTED_MODULES); do (cd $$module && \
		go test -race -exec true ./... >/dev/null && go test -race -shuffle=on -p 1 ./...); done
	cd bench && go test -race -shuffle=on ./capacity ./chart ./figures ./model ./plot

.PHONY: soak
soak: ## kill and starve processes for longer than `make test` does (SOAK_KILLS=500)
	scripts/postgres.sh
	SOAK_KILLS=$(SOAK_KILLS) go test -race -v -count=1 -timeout 60m ./soak
	cd jetstream && JETSTREAM_KILLS=$(SOAK_KILLS) JETSTREAM_RUNS=100000 go test -race -v -count=1 -timeout 60m -run 'TestKills|TestMove|TestLeave' .

.PHONY: e2e
e2e: ## drive the API with Resend's client for Go
	cd e2e && go test -race -shuffle=on ./...

.PHONY: e2e-node
e2e-node: ## drive the API with Resend's clients for Node.js and the command line
	e2e/node/run.sh

.PHONY: e2e-browser
e2e-browser: ## use the dashboard in a real Chromium, which it installs on Debian and Ubuntu as root
	e2e/browser/run.sh

.PHONY: dashboard-million
dashboard-million: ## measure the dashboard with a million runs, in the Chromium that e2e-browser installs
	cd e2e/browser && DASHBOARD_RUNS=1000000 go test -count=1 -v -timeout 30m -run TestManyRuns .

.PHONY: dashboard-shots
dashboard-shots: ## make the pictures of the dashboard in docs
	DASHBOARD_SHOTS=$(CURDIR)/docs e2e/browser/run.sh -count=1 -run TestPictures

.PHONY: mailpit
mailpit: $(MAILPIT) ## send real emails to a Mailpit, and read them back through its API
	MAILPIT=$(CURDIR)/$(MAILPIT) go test -race -v -count=1 -run Mailpit ./mail/smtp

.PHONY: temporal
temporal: $(TEMPORAL) ## run the engine on Temporal on a development server, and kill its workers (TEMPORAL_KILLS=50)
	cd temporal && TEMPORAL=$(CURDIR)/$(TEMPORAL) go test -race -count=1 -timeout 60m ./...

.PHONY: temporal-histories
temporal-histories: $(TEMPORAL) ## record the histories that later releases must replay, at a release
	cd temporal && TEMPORAL=$(CURDIR)/$(TEMPORAL) go test -count=1 -run TestHistories_AreRecorded -record ./...

.PHONY: welcome
welcome: ## run the example of the README
	go run ./examples/welcome

.PHONY: lint
lint: $(STATICCHECK) ## check format, go.mod, imports, families of files, go vet and staticcheck
	scripts/check-format.sh
	go mod tidy -diff
	scripts/check-deps.sh
	go run ./internal/families/check
	go vet ./...
	$(STATICCHECK) ./...
	set -e; for module in $(NESTED_MODULES); do \
		(cd $$module && go mod tidy -diff && go vet ./... && $(CURDIR)/$(STATICCHECK) ./...); done

.PHONY: bench
bench: ## run the benchmarks and print their figures (BENCH=Schema for some)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-peers
bench-peers: $(TEMPORAL) ## compare with River, DBOS and go-workflows on the same work, three quarters of an hour
	cd bench && TEMPORAL=$(CURDIR)/$(TEMPORAL) go run . -out figures.txt

.PHONY: bench-growth
bench-growth: $(TEMPORAL) ## the works with a million runs and more: restart, pruning, a month of growth; hours (GROWTH=0.1 for less)
	cd bench && TEMPORAL=$(CURDIR)/$(TEMPORAL) go run . -work w11,w12,w13 -scale $(GROWTH) -rounds 1 -timeout 2h -out growth.txt

.PHONY: capacity
capacity: ## measure what docs/scaling.md is computed from, half an hour, and write its tables and curves
	cd bench && go run . -work w4,w7 -timeout 10m -engines automation -rounds 1 -out model/measured.txt
	$(MAKE) capacity-page

.PHONY: capacity-page
capacity-page: ## write the tables and curves of docs/scaling.md from what was measured
	cd bench && go run ./capacity model/measured.txt ../docs/scaling.md ../docs/scaling.svg

.PHONY: bench-profile
bench-profile: ## write profiles of this library, and what one run costs, to bench/profiles
	cd bench && go run . -work w1 -engines automation -rounds 1 -scale 5 -profile profiles
	cd bench && go run . -work w2 -engines automation,automation-bulk,river -rounds 1 -profile profiles

.PHONY: fuzz
fuzz: ## run each fuzz target for 30 seconds (FUZZTIME=5m for longer)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: zones
zones: ## compare local time with a search, and hold emails, in every time zone over 50 years
	EVERY_ZONE=1 go test -count=1 -timeout 60m -run TestEveryZoneAndYear . ./internal/civil

.PHONY: cover
cover: ## measure which lines the tests reach, in cover.out
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

.PHONY: check
check: test lint ## run all that must pass before a change is merged

$(STATICCHECK):
	GOBIN=$(CURDIR)/bin go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv bin/staticcheck $@

$(MAILPIT):
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin go install github.com/axllent/mailpit@$(MAILPIT_VERSION)
	mv bin/mailpit $@

$(TEMPORAL):
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin go install github.com/temporalio/cli/cmd/temporal@$(TEMPORAL_VERSION)
	mv bin/temporal $@

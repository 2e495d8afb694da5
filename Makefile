# SecDocker's commands; `make help` lists them. Each installs what the machine lacks and says so.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(PATH):$(HOME)/.cargo/bin
PORT ?= 8999

.PHONY: help run test engines bench check cover field-coverage static package

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## SecDocker in front of a Docker engine, on port 8999 (PORT=…)
	@scripts/install-missing run
	cargo build --release --locked
	@scripts/run $(PORT)

test: ## every test, those end to end against a real Docker engine
	@scripts/install-missing test
	cargo test --locked --workspace --all-features
	@scripts/test-both

engines: ## what the engine decides, against each engine (ENGINES=…, SUITES=…)
	@scripts/install-missing engines
	@scripts/test-engines $(ENGINES)
	@SECDOCKER_TLS=redirect6 SUITES=docker_cli SUITES_LOG=target/redirected scripts/test-engines debian

bench: ## the benchmarks (QUICK=1: two minutes)
	@scripts/install-missing bench
	cargo bench --locked --bench core $(if $(QUICK),-- --quick)
	cargo bench --locked --bench peers $(if $(QUICK),-- --quick)

static: ## a small static program, without plugins (TARGET=…: for another host)
	@scripts/install-missing build
	@scripts/build-static $(TARGET)

package: ## packages, tarball, image, SBOM and checksums, in target/package
	@scripts/install-missing package
	@scripts/package

cover: ## which lines and branches the tests reach (SUITES="lib …": by these)
	@scripts/install-missing cover
	@scripts/cover $(SUITES)

field-coverage: ## docs/COVERAGE.md, written anew from the tables in the code
	UPDATE_COVERAGE=1 cargo test --locked --test coverage

check: ## formatting and lints, as CI sees them
	@scripts/install-missing check
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	cargo test --locked --no-default-features --test no_plugins
	scripts/build-static

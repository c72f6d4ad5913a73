# Thin names over cargo. `make demo` and `make test` are the README's two commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PLAYBOOK := target/debug/playbook

.PHONY: help demo test check bench docs drift deny needs-redis

help: ## list these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

needs-redis:
	@./scripts/need-redis

demo: needs-redis ## break a throwaway Redis, run the redis-oom playbook on it, take it back, show the timeline
	@echo "building playbook (a few minutes the first time)"
	cargo build --locked --quiet
	$(PLAYBOOK) drill redis-oom
	@echo
	$(PLAYBOOK) timeline last

test: needs-redis ## everything the tests need, then the tests
	cargo test --workspace --locked --quiet

check: ## format, clippy, playbooks
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo run --quiet --locked -- check

bench: needs-redis ## measure, and write what docs/performance.md quotes
	./benches/run
	./benches/redis

docs: ## write everything that is generated: schemas, reference
	PLAYBOOK_UPDATE=1 cargo test --locked --quiet --test it generated::

drift: ## is everything that is generated up to date?
	cargo test --locked --quiet --test it generated::
	@git diff --exit-code -- schemas docs

deny: ## licences, bans, sources
	@command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny
	cargo deny --log-level error check bans licenses sources

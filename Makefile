.DEFAULT_GOAL := help
.PHONY: help run check test fmt deps e2e foreign deployment cluster coach speed safety cached-share commits class bench bench-quick bench-growth bench-limited openapi dist reproducible image deb

help: ## Show these targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: ## Serve at http://127.0.0.1:8000
	cargo run --release

check: ## The quick half, for every edit: format, lints, types, unit tests
	scripts/check.sh quick

test: ## Everything: install what is missing, format, lints, types, Rust tests, browser tests
	scripts/check.sh all

fmt: ## Format Rust, JavaScript and CSS
	cargo fmt
	npm run --silent format

deps: ## Install what the tests need (Debian packages, npm packages)
	scripts/install-test-deps.sh

e2e: deps ## The browser tests alone
	cargo build --bin llm-classroom --example fake_openai
	npm run --silent e2e

foreign: deps ## The tests with a model server of others (LiteLLM's proxy) alone
	cargo build --bin llm-classroom
	target/foreign-venv/bin/pytest tests/foreign

deployment: deps ## The tests of deploy/ alone
	cargo build --bin llm-classroom --example fake_openai
	target/venv/bin/pytest tests/deploy

cluster: deps ## Several instances that are killed, restarted and cut off; TURNS=… makes it longer, SEED=… replays a run
	cargo test --test cluster -- --nocapture

coach: ## Print how well the coach agrees with the labelled questions
	cargo test --quiet --test coach agreement -- --nocapture

speed: ## Print how fast rendering and the coach are
	cargo run --release --quiet --example render_speed
	cargo run --release --quiet --example coach_speed

safety: ## Print how well a child in danger and personal data are recognised, in 3 minutes
	cargo run --release --quiet -p safety --example train_care -- check
	cargo run --release --quiet -p safety --example safety_figures

cached-share: ## Print how much of each of 40 questions a provider can take from its prompt cache
	cargo run --release --quiet --example cached_share

commits: ## Print how many commits a second SQLite takes, grouped and one each
	bench/bench.sh commits

class: ## Print how a whole class at once fares, with SQLite and with PostgreSQL and Redis
	bench/class.sh

bench: ## Measure everything beside FastAPI and nginx, in 15 minutes, into target/bench
	bench/bench.sh all

bench-quick: ## Measure the most important of it, and count the instructions of a turn, in 2 minutes
	bench/bench.sh quick

bench-growth: ## Measure how it grows with students, with a conversation and with what is stored; plots into target/bench
	bench/bench.sh growth

bench-limited: ## Measure 1,000 students and 10,000 idle streams within 400 MB of memory
	bench/bench.sh limited

openapi: ## Print the OpenAPI document
	@cargo run --quiet -- openapi

dist: ## Build the release in target/dist: a static program, its archive, checksum and bill of materials
	scripts/dist.sh

reproducible: ## Build the release here and elsewhere, and compare
	scripts/dist.sh --verify

image: dist ## Build the container image with buildah, podman or docker; IMAGE=name:tag names it
	scripts/image.sh

deb: ## Make the Debian package in target/dist from the program that dist built
	scripts/deb.sh

# The commands of this project. `make help` lists them.

COMPONENT = target/component/talon-one-destination.wasm

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: component
component: ## Build the plugin: target/component/talon-one-destination.wasm
	@guest/build.sh

.PHONY: build
build: component ## Build the plugin and target/release/destination-host, which has it inside
	cargo build --locked --release --package destination-host

.PHONY: demo
demo: component ## The whole job on a fake Talon.One: profiles, then a mirrored audience, twice
	@# Of the whole workspace, as `make test` builds it: both have the same features of everything, and share one build.
	cargo build --locked --workspace --bin destination-host
	@target/debug/destination-host demo

.PHONY: test
test: component ## All tests
	@guest/build.sh hostile-destination
	cargo test --locked --workspace

.PHONY: misbehaving
misbehaving: ## The plugin that engines check themselves with: target/component/hostile-destination.wasm, and tests/hostile/expected.json
	@guest/build.sh hostile-destination

.PHONY: lint
lint: component ## Format, clippy and documentation, all without a warning
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@# Private items are documented too, so links to them lead somewhere.
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --workspace --no-deps --document-private-items

.PHONY: lint-scripts
lint-scripts: ## Shell scripts by shellcheck, Python by ruff, the links of all pages; installs what is missing
	@tests/repository/scripts/run.sh

.PHONY: faults
faults: component ## Storms, kills, bad records and the rate limit, at size; takes minutes and prints its figures
	cargo test --locked --release --package destination-host --test e2e -- --ignored faults:: --nocapture --test-threads 1

.PHONY: databases
databases: component ## Sources and outcomes against a real PostgreSQL, SQLite and DuckDB; installs what is missing
	@tests/databases/run.sh

.PHONY: state
state: component ## States in PostgreSQL, S3 and Azure, on real servers; installs what is missing. KILLS=100 STOPS=20 for more
	@tests/state/run.sh

.PHONY: values
values: component ## Extreme values of every type, from every source, as other programs write them; installs those where they are missing
	tests/values/run.sh

.PHONY: audit
audit: ## Licences, sources and known vulnerabilities of what is built on; installs cargo-deny where it is missing
	@# Not optimised: it runs for seconds, and takes minutes to build.
	@cargo deny --version >/dev/null 2>&1 || cargo install --quiet --locked --debug --config profile.dev.debug=false cargo-deny
	@# For every platform: what another one is built on has a licence too.
	@cargo fetch --quiet --locked
	cargo deny --offline check --hide-inclusion-graph licenses bans sources
	@cargo deny check --hide-inclusion-graph advisories || { cargo deny fetch db 2>/dev/null && exit 1; \
		echo "audit: the database of known vulnerabilities can't be reached from here; it was not asked"; }

.PHONY: fuzz
fuzz: component ## Fuzz everything that reads what others wrote: make fuzz RUNS=1000000
	@tests/fuzz/run.sh $(or $(RUNS),100000)

.PHONY: bench
bench: component ## Speed and size beside other clients, as ratios of one run; SCALE=1 for ten million rows
	@tests/bench/run.sh

.PHONY: bench-verify
bench-verify: build ## Time and memory of verify: 1 and 10 million members, or SIZES="1000000"; takes minutes
	python3 tests/bench/verify.py $(or $(SIZES),1000000 10000000)

.PHONY: runtimes
runtimes: component ## The same component in Node, Python and wasmtime's command line, against the same vectors
	@tests/engines/runtimes/run.sh

.PHONY: python
python: component ## The Python packages: their types, their rules, and columns through the plugin
	@tests/python/run.sh

.PHONY: distributed
distributed: component ## The Python package in Spark and Dask on clusters of two workers; installs both where they are missing
	@tests/engines/distributed/run.sh

.PHONY: playground
playground: component ## Build the page that tries a mapping in a browser, and test it in Chromium
	@tests/playground/run.sh

.PHONY: meltano
meltano: component ## The Singer target in Meltano, with a real tap and a real PostgreSQL; installs what is missing
	@tests/engines/meltano/run.sh

.PHONY: airbyte
airbyte: component ## The Airbyte destination behind PyAirbyte, read by Airbyte's own models; installs what is missing
	@tests/engines/airbyte/run.sh

.PHONY: dlt
dlt: component ## The Python package as a destination of dlt; installs dlt where it is missing
	@tests/engines/dlt/run.sh

.PHONY: dagster
dagster: component ## Syncs as assets in Dagster, with their checks; installs Dagster where it is missing
	@tests/engines/dagster/run.sh

.PHONY: airflow
airflow: component ## The operator under a real Airflow scheduler, killed in the middle; installs Airflow where it is missing
	@tests/engines/airflow/run.sh

.PHONY: http
http: component ## The plugin behind HTTP, under wasmtime serve; builds wac where it is missing
	@tests/engines/http/run.sh

.PHONY: obelisk
obelisk: component ## The plugin in Obelisk, which is killed between two attempts; builds Obelisk where it is missing: half an hour
	@tests/engines/obelisk/run.sh

.PHONY: platforms
platforms: component ## The host cross-compiled for aarch64 and for Windows, under qemu and wine, beside this machine's; installs what is missing
	@tests/platforms/run.sh

.PHONY: plugins
plugins: ## The webhook of examples/webhook in Rust, JavaScript and Python, each in the host, Node and Python; installs their tooling
	@tests/plugins/run.sh

.PHONY: dist
dist: ## What users install, for this platform: target/packages; SIGNING_KEY=FILE signs it. Installs the packagers where they are missing
	@host/dist/build.sh

.PHONY: dist-test
dist-test: ## Install each of what `make dist` makes into a clean folder and run the demo; the component from a registry. Makes it where it is missing
	@tests/repository/packages/run.sh

.PHONY: reproducible
reproducible: component ## Build the plugin again in another folder and compare the bytes
	@tests/repository/reproducible/run.sh

.PHONY: clean-room
clean-room: ## Run make targets on a bare Debian with Rust, a C compiler and nothing else: make clean-room TARGETS="runtimes http"
	@tests/repository/clean_room/run.sh $(or $(TARGETS),python runtimes playground http databases)

.PHONY: clean
clean: ## Remove all that was built
	rm -rf target

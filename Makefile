# Everything a person or a build machine does with this repository; `make help` lists it.
# PYTHON names an interpreter (3.11 or newer) when the one found first is not the one wanted.
# HOST, PORT, DATA_DIR and the other settings reach the gallery from the environment or from the
# command line: `make run PORT=9000`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
OLDEST_PYTHON := 3.11

# These come from npm, for the checks alone: no file of them is shipped or locked. biome lints static/,
# axe-core looks at the pages in the browser tests, and Lighthouse gives them marks.
BIOME_VERSION := 2.6.8
AXE_VERSION := 4.14.1
LIGHTHOUSE_VERSION := 12.8.2
BIOME := build/biome-$(BIOME_VERSION)
AXE := build/axe-core-$(AXE_VERSION)
LIGHTHOUSE := build/lighthouse-$(LIGHTHOUSE_VERSION)

# $(1) is the folder, $(2) the file in it that is there once all is, $(3) the package.
define from_npm
[ -e $(1)/node_modules/$(2) ] || npm install --silent --no-save --no-package-lock --no-audit --no-fund \
	--prefix $(1) $(3) || exit 1
endef

define check_scripts
if command -v npm >/dev/null; then \
	$(call from_npm,$(BIOME),.bin/biome,@biomejs/biome@$(BIOME_VERSION)); \
	echo "$(BIOME)/node_modules/.bin/biome check --error-on-warnings"; \
	$(BIOME)/node_modules/.bin/biome check --error-on-warnings; \
else \
	echo "SKIPPED: JavaScript and CSS were not linted, because npm is missing (Debian: nodejs and npm)." >&2; \
fi
endef

# Without it, its tests say that they were skipped.
define install_axe
if command -v npm >/dev/null; then \
	$(call from_npm,$(AXE),axe-core/axe.min.js,axe-core@$(AXE_VERSION)); \
fi
endef

# Sets $$python to the first interpreter that is new enough; a version manager's stand-ins are run
# to learn whether anything is behind them.
define find_python
for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST_PYTHON)".split("."))))' 2>/dev/null; then \
		python=$$candidate; break; \
	fi; \
done; \
if [ -z "$$python" ]; then \
	echo "Scry needs Python $(OLDEST_PYTHON) or newer$(if $(PYTHON),; $(PYTHON) is older or cannot be run)." >&2; \
	echo "Install it, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	exit 1; \
fi
endef

.PHONY: run test check messages slow-test long-test e2e a11y lighthouse model-test server-test crash soak fuzz-api fuzz-parsers bench bench-full bench-check bench-docs lock sbom env bump-images clean help

run: $(VENV)/installed staticfiles/staticfiles.json ## start the gallery and print its address (HOST, PORT, DATA_DIR)
	@exec $(BIN)/python manage.py serve

# Copies with hashes in their names, which browsers keep, and gzipped. The gallery serves them while
# no source is newer.
staticfiles/staticfiles.json: $(VENV)/installed $(shell find static -type f)
	@rm -rf staticfiles
	@COLLECT_STATIC=yes DATA_DIR=build/collect $(BIN)/python manage.py collectstatic --no-input --verbosity 0

# The indexes that tests make are synced to disk thousands of times, which memory does 1.5 times as
# fast; a container's 64 MB would not do. Bytecode is kept, so that only the first run compiles.
IN_MEMORY := export PYTHONDONTWRITEBYTECODE=; \
	if [ "$$(df -Pk /dev/shm 2>/dev/null | awk 'END { print $$4 }')" -gt 2000000 ] 2>/dev/null; then \
		export TMPDIR=/dev/shm; \
	fi;

test: $(VENV)/installed-dev ## run the core tests
	@$(IN_MEMORY) $(BIN)/pytest -n 2

check: export DATA_DIR = build/check
check: $(VENV)/installed-dev ## run the linters, the type checker and Django's checks (npm lints JavaScript)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djhtml --tabwidth 2 --check templates
	find templates -name '*.html' -exec $(BIN)/djade --target-version 5.2 --check {} +
	$(BIN)/python .ci/messages.py --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	PUBLIC_URL=https://photos.example.org PROXY_COUNT=1 $(BIN)/python manage.py check --deploy --fail-level WARNING
	! grep -rnE '.{121,}' static/js static/css
	@$(check_scripts)

messages: $(VENV)/installed-dev ## collect the interface texts into gallery/locale and compile them
	$(BIN)/python .ci/messages.py

slow-test: $(VENV)/installed-dev ## run the tests that take longer: full galleries, killed processes, torch
	@$(IN_MEMORY) $(BIN)/pytest -n 2 --dist worksteal -m "slow and not long"

long-test: $(VENV)/installed-dev ## kill at every crash point, try every operation of the API, run the benchmark suite
	@$(IN_MEMORY) $(BIN)/pytest -n 2 --dist worksteal -m long

e2e: $(VENV)/installed-dev ## run the browser tests (needs chromium and chromedriver)
	@$(install_axe)
	@$(IN_MEMORY) $(BIN)/pytest -n 2 --dist worksteal -m browser

a11y: $(VENV)/installed-dev ## have axe-core look at every page at every width and in both themes
	@$(install_axe)
	@$(IN_MEMORY) EVERY_LOOK=yes $(BIN)/pytest -n 2 -m browser tests/e2e/test_accessibility.py tests/e2e/test_accessible_states.py

model-test: $(VENV)/installed-dev ## run the tests that load the starter model's weights
	$(BIN)/pytest -m model

server-test: $(VENV)/installed-dev ## run the tests over real Redis, Postgres and Celery processes
	@$(IN_MEMORY) $(BIN)/pytest -n 2 --dist worksteal -m server

N := 1000
MINUTES := 60

crash: $(VENV)/installed-dev ## kill parts of a gallery N times under load, and check it (goes on where it stopped)
	@$(IN_MEMORY) $(BIN)/python -m tests.crash --kills $(N) --tally build/crash/tally.json
	@$(IN_MEMORY) $(BIN)/python -m tests.crash --kills 10 --block 10 --mode embedded --real --tally build/crash/starter.json

soak: $(VENV)/installed-dev ## use a gallery for MINUTES, and report errors, times and memory
	@$(IN_MEMORY) $(BIN)/python -m tests.crash.soak --minutes $(MINUTES)

# The fuzzer has an environment of its own: nothing of it is shipped, and the lock stays small.
FUZZER_VERSION := 4.32.5
FUZZER := build/schemathesis-$(FUZZER_VERSION)
FUZZ_MINUTES := 2

fuzz-api: $(VENV)/installed-dev $(FUZZER)/installed ## send made-up requests to the API for FUZZ_MINUTES
	@$(IN_MEMORY) $(BIN)/python -m tests.fuzz $(CURDIR)/$(FUZZER)/bin/schemathesis $(FUZZ_MINUTES) $(FUZZ_OPTIONS)

fuzz-parsers: $(VENV)/installed-dev ## give made-up texts and bytes to what reads them for FUZZ_MINUTES
	@$(IN_MEMORY) FUZZ_MINUTES=$(FUZZ_MINUTES) $(BIN)/pytest -q -m slow tests/unit/test_made_up_input.py

# Peers have an environment of their own, which also sees the libraries of .venv: see its list.
PEERS := .venv-bench
BENCH_RESULTS := build/bench/results.json
BENCH_COMMITTED := docs/reference/performance.json

bench: $(VENV)/installed-dev $(PEERS)/installed ## measure Scry beside its peers in 10 minutes (BENCH_OPTIONS, BENCH_RESULTS)
	@$(BIN)/python -m benchmarks.suite run --scale bench --results $(BENCH_RESULTS) $(BENCH_OPTIONS)

bench-full: $(VENV)/installed-dev $(PEERS)/installed ## the same with all sizes, for hours
	@$(BIN)/python -m benchmarks.suite run --scale full --results $(BENCH_RESULTS) $(BENCH_OPTIONS)

bench-check: $(VENV)/installed-dev ## compare the ratios of BENCH_RESULTS with the committed ones
	@$(BIN)/python -m benchmarks.suite check $(BENCH_COMMITTED) $(BENCH_RESULTS)

bench-docs: $(VENV)/installed-dev ## make BENCH_RESULTS the committed ones, with table and plots
	@$(BIN)/python -m benchmarks.suite docs $(BENCH_RESULTS)

lighthouse: $(VENV)/installed-dev staticfiles/staticfiles.json ## print Lighthouse's marks for a phone (PHOTOS names a folder of JPEGs)
	@$(call from_npm,$(LIGHTHOUSE),lighthouse/cli/index.js,lighthouse@$(LIGHTHOUSE_VERSION))
	@$(BIN)/python -m benchmarks.lighthouse --photos $(PHOTOS) $(LIGHTHOUSE_OPTIONS)

$(PEERS)/installed: requirements-bench.txt $(VENV)/installed-dev
	@$(BIN)/python -m venv --clear $(PEERS)
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$($(PEERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/scry.pth"
	@$(PEERS)/bin/pip install --quiet --no-deps --requirement requirements-bench.txt
	@touch $@

$(FUZZER)/installed:
	@$(BIN)/python -m venv $(FUZZER)
	@$(FUZZER)/bin/pip install --quiet schemathesis==$(FUZZER_VERSION)
	@touch $@

lock: ## resolve requirements*.in into the lock files (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH." >&2; exit 1; }
	for name in requirements requirements-dev; do \
		uv pip compile $$name.in --output-file $$name.lock --quiet --upgrade --universal \
			--python-version $(OLDEST_PYTHON) --override requirements.override --no-header \
			--no-annotate --no-emit-index-url --no-emit-find-links --generate-hashes || exit 1; \
	done

SBOM := build/sbom.cdx.json

sbom: $(VENV)/installed-dev ## list the libraries of a release with their hashes, as CycloneDX (build/sbom.cdx.json)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-file $(SBOM)

env: .env ## write .env with random secrets, for docker compose

bump-images: ## pin the images of Docker Compose by the digests that their tags have now
	docker/bump-images

.env:
	@docker/make-env

clean: ## remove the virtual environment and everything built; photos stay
	rm -rf $(VENV) $(PEERS) build staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(find_python); \
	if command -v uv >/dev/null; then \
		uv venv --quiet --clear --python "$$python" $(VENV); \
	elif "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		"$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
	else \
		echo "$$python has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi

# A stamp is newer than its lock exactly while that lock is what is installed.
$(VENV)/installed: requirements.lock | $(VENV)/bin/python
	@$(call install,requirements.lock)

$(VENV)/installed-dev: requirements-dev.lock | $(VENV)/bin/python
	@$(call install,requirements-dev.lock)

# docker/install-libraries asks for a SHA-256 of each file, so that no index can hand over another one,
# except for torch and torchvision from TORCH_INDEX.
# TORCH_INDEX may name an index of torch for CPUs, which docker/torch-index looks at. A pair of torch
# and torchvision that do not fit each other fails when it is imported.
define install
echo "Installing $(1) into $(VENV) (once; this takes a few minutes) ..."; \
index=$$($(BIN)/python docker/torch-index $(1)) || exit 1; \
if command -v uv >/dev/null; then \
	installer="uv pip install --python $(BIN)/python"; \
else \
	$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null || exit 1; \
	installer="$(BIN)/python -m pip install -qq --disable-pip-version-check"; \
fi; \
TORCH_INDEX="$$index" INSTALLER="$$installer" docker/install-libraries $(1) || exit 1; \
if [ -n "$$index" ] && ! $(BIN)/python -c 'import torchvision'; then \
	echo "The torch and torchvision of $$index do not fit each other." >&2; \
	echo "Run make clean, and then make $(MAKECMDGOALS) without TORCH_INDEX." >&2; \
	exit 1; \
fi; \
touch $@
endef

# Two commands set everything up on a machine with Python 3.11: `make app` and `make test`.
#
# Both install exactly what the lock files name, each file checked by its hash. On Linux PyPI's torch comes with CUDA,
# several gigabytes; `make app TORCH_INDEX=https://download.pytorch.org/whl/cpu` takes the CPU build from PyTorch's own
# index instead. That build has no hash in the lock: the index has to be trusted. So for `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: app test test-fast test-ui test-browser test-long lint messages clean browser pacs postgres lock sbom audit

app: $(VENV)/installed
	$(BIN)/meddef app

test: $(VENV)/installed-for-tests browser pacs postgres lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# Parts of it: the core's quick tests in under three minutes, the pages, and the browser.
test-fast: $(VENV)/installed-for-tests lint
	$(BIN)/python -m pytest --numprocesses 2 -m "not long and not slow" tests/core

test-ui: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/ui

test-browser: $(VENV)/installed-for-tests browser
	$(BIN)/python -m pytest tests/browser

# What takes hours and is no part of `make test`: run it before a release, then `make documents` (docs/long-tests.md).
test-long: $(VENV)/installed-for-tests pacs
	MEDDEF_LONG_RESULTS=docs/long-tests.json $(BIN)/python -m pytest -m long

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy meddef_core dashboard
	$(BIN)/lint-imports
	PYTHONPATH=. $(BIN)/python tools/messages.py --check
	$(BIN)/python tools/phrases.py

# Take new sentences into the catalogues of translations, and leave out old ones.
messages: $(VENV)/installed-for-tests
	PYTHONPATH=. $(BIN)/python tools/messages.py

# The browser tests drive Chromium: the system's, else Debian's package, else Playwright's own. Those of the server run
# nginx and Caddy and list connections with strace: Debian's packages where they can be installed, else these skip.
PROGRAMS := chromium nginx caddy strace
browser: $(VENV)/installed-for-tests
	@missing=$$(for each in $(PROGRAMS); do command -v $$each >/dev/null || echo $$each; done); \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq; \
	    for each in $$missing; do DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$each >/dev/null || true; done; \
	fi
	@command -v chromium >/dev/null || $(BIN)/playwright install chromium

# The PACS tests run a real Orthanc, and other programs check what is stored in it. Where none can be had, they skip.
PACS_PACKAGES := orthanc orthanc-dicomweb dcmtk dicom3tools
pacs:
	@{ command -v Orthanc && command -v dsrdump && command -v dciodvfy; } >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACS_PACKAGES) >/dev/null; } \
	|| echo "Without the packages $(PACS_PACKAGES) the PACS tests skip."

# The classroom's tests run a real PostgreSQL beside SQLite. Where none can be had, that half skips.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; } \
	|| echo "Without the package postgresql the tests of the classroom skip PostgreSQL."

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# $(1): the lock file without its ending.
ifeq ($(TORCH_INDEX),)
install = $(PIP) --require-hashes --requirement $(1).lock
else
install = $(PIP) --require-hashes --no-deps --requirement $(1)-cpu.lock \
	&& $(PIP) --no-deps --index-url $(TORCH_INDEX) $$(sed -nE 's/^((torch|torchvision)==[^ ]+).*/\1/p' $(1).lock)
endif
ourselves = $(PIP) --no-deps --no-build-isolation --editable .

$(VENV)/installed: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing: some minutes, most of them for PyTorch."
	$(call install,requirements)
	$(ourselves)
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/bin/python requirements-test.lock pyproject.toml
	$(call install,requirements-test)
	$(ourselves)
	@touch $@ $(VENV)/installed

# ---- supply chain ----------------------------------------------------------------------------------------------------

TOOLS := .venv-tools
$(TOOLS)/installed: Makefile
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet uv==0.13.9 pip-audit==2.10.1 cyclonedx-bom==7.5.0
	@touch $@

# After every change of requirements.txt or pyproject.toml. Each lock file serves Linux, macOS and Windows. Those named
# -cpu leave out torch and all that comes with its CUDA build. LOCK_OPTIONS passes more on, `--upgrade` for instance.
LOCK_OPTIONS ?=
CUDA = $$(sed -nE 's/^(torch|torchvision|triton|(nvidia|cuda)-[a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock)
compile = $(TOOLS)/bin/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint requirements-held.txt $(LOCK_OPTIONS)
lock: $(TOOLS)/installed
	$(compile) --output-file requirements.lock
	$(compile) --extra test --output-file requirements-test.lock
	$(compile) $(CUDA) --output-file requirements-cpu.lock
	$(compile) --extra test $(CUDA) --output-file requirements-test-cpu.lock
	$(subst pyproject.toml,deploy/server.in,$(compile)) --constraint requirements-test.lock --output-file deploy/server.lock

# What is installed, with licences and who needs whom, as CycloneDX.
sbom: $(TOOLS)/installed $(VENV)/installed
	@mkdir -p build
	$(TOOLS)/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible \
	    --output-file build/meddef.cdx.json

# Known vulnerabilities, from PyPI's database. An audit that could not ask for every package fails.
audit: $(TOOLS)/installed
	$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	    --requirement requirements-test.lock

clean:
	rm -rf $(VENV) $(TOOLS) build *.egg-info

# Indexes, the diagram of imports and the models' README files; a test fails where one is not current.
.PHONY: documents architecture
documents architecture: $(VENV)/installed
	PYTHONPATH=. $(BIN)/python tools/documents.py

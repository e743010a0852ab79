# Two commands set everything up on a machine with Python 3.11: `make app` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: app test test-long lint clean browser pacs

app: $(VENV)/installed
	$(BIN)/meddef app

test: $(VENV)/installed-for-tests browser pacs lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# What takes minutes and is no part of `make test`: run it before a release.
test-long: $(VENV)/installed-for-tests pacs
	$(BIN)/python -m pytest -m long
	MEDDEF_MUTATIONS=1000 $(BIN)/python -m pytest tests/core/test_volume_hostile.py

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/mypy meddef_core dashboard

# The browser tests drive Chromium: the system's, else Debian's package, else Playwright's own.
browser: $(VENV)/installed-for-tests
	@command -v chromium >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
	|| $(BIN)/playwright install chromium

# The PACS tests run a real Orthanc, and other programs check what is stored in it. Where none can be had, they skip.
PACS_PACKAGES := orthanc orthanc-dicomweb dcmtk dicom3tools
pacs:
	@{ command -v Orthanc && command -v dsrdump && command -v dciodvfy; } >/dev/null \
	|| { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACS_PACKAGES) >/dev/null; } \
	|| echo "Without the packages $(PACS_PACKAGES) the PACS tests skip."

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python requirements.txt pyproject.toml
	@echo "Installing: some minutes, most of them for PyTorch."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build *.egg-info

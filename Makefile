# Two commands set everything up on a machine with Python 3.11: `make app` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: app test lint clean browser

app: $(VENV)/installed
	$(BIN)/meddef app

test: $(VENV)/installed-for-tests browser lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/mypy meddef_core dashboard

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

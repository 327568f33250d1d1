# `make demo` shows it working, `make test` passes the tests; both set up what they need in a virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests start hundreds of processes: each would compile the package anew where a container's shell forbids to keep it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo install test audit test-real test-servers test-vllm test-cluster soak test-editors test-nvim test-emacs test-helix test-vscode vsix vscode-pictures bench lint types check docs clean

# The command is then $(VENV)/bin/hybrid-lsp.
install: $(VENV)/.base

demo: $(VENV)/.base
	$(BIN)/python -m hybrid_lsp demo $(ARGS)

# `make test COVERAGE=1`, as CI runs it, also counts the lines that are tested: that costs two thirds more.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal $(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=90) $(ARGS)

# Against llama.cpp's server and our engine with the same real weights, which are fetched first.
# `make test-servers WEIGHTS="smollm2 qwen0.5b"` takes more than the smallest.
WEIGHTS ?= smollm2
test-servers: $(VENV)/.dev
	$(BIN)/python tools/servers/install_llama_cpp.py
	$(BIN)/python tools/fetch_weights.py $(WEIGHTS)
	HYBRID_LSP_RECORD_SEEN=1 HYBRID_LSP_TEST_WEIGHTS="$(WEIGHTS)" $(BIN)/python -m pytest -m servers tests/servers $(ARGS)
	$(BIN)/python tools/write_contract.py

# Against a real vLLM on the processor, which is installed into a cache folder first (3 GB, and minutes to start).
test-vllm: $(VENV)/.dev
	$(BIN)/python tools/fetch_weights.py
	HYBRID_LSP_RECORD_SEEN=1 HYBRID_LSP_TEST_VLLM=install $(BIN)/python -m pytest -m servers -k vllm tests/servers $(ARGS)
	$(BIN)/python tools/write_contract.py

# On a Ray of this machine's own, which is installed first.
test-cluster: $(VENV)/.cluster
	$(BIN)/python -m pytest -m cluster tests/cluster $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Known weaknesses in what we depend on, and unsafe code of ours.
audit: $(VENV)/.dev
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml --severity-level medium hybrid_lsp tools benchmarks
	$(BIN)/python tools/audit.py

types: $(VENV)/.dev
	$(BIN)/mypy

# A few minutes, on a machine that does nothing else; `make bench ARGS="replay ttft"` runs only these.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# Ten minutes of typing by eight editors under faults; `make soak ARGS="--minutes 30"`. Its report is in docs/faults.md.
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks.soak --report docs/faults.md $(ARGS)

check: lint types test

# With real weights, of which the smallest are fetched first (see tools/fetch_weights.py).
test-real: $(VENV)/.dev
	$(BIN)/python tools/fetch_weights.py
	$(BIN)/python -m pytest -m real_weights tests/real $(ARGS)

# In the real editors, which are installed into a cache folder first (see tools/editors).
test-editors: test-nvim test-emacs test-helix test-vscode

test-nvim: $(VENV)/.dev
	$(BIN)/python tools/editors/install_neovim.py
	$(BIN)/python tools/editors/check_lua.py
	$(BIN)/python -m pytest -m editors tests/editors/nvim $(ARGS)

test-emacs test-helix: test-%: $(VENV)/.dev
	$(BIN)/python tools/editors/install_$*.py
	$(BIN)/python -m pytest -m editors tests/editors/$* $(ARGS)

# The VS Code extension with the server's wheel in it: build/hybrid-lsp-VERSION.vsix. It needs Node 20 or newer.
vsix: $(VENV)/.dev
	$(BIN)/python tools/write_vscode_settings.py
	$(BIN)/python tools/editors/package_vscode.py

test-vscode: vsix
	cd editors/vscode && npm run --silent check && PYTHON=$(abspath $(BIN)/python) npm run --silent test
	$(BIN)/python -m pytest -m editors --reruns 1 tests/editors/vscode $(ARGS)

# The screenshots in the documentation, taken by the tests.
vscode-pictures: $(VENV)/.dev
	HYBRID_LSP_PICTURES=$(abspath docs/images) $(BIN)/python -m pytest -m editors tests/editors/vscode $(ARGS)

docs: $(VENV)/.base
	$(BIN)/python -m hybrid_lsp demo --fast --record build/demo.txt
	$(BIN)/python tools/write_readme.py build/demo.txt
	$(BIN)/python tools/write_vimdoc.py
	$(BIN)/python tools/write_vscode_settings.py
	$(BIN)/python tools/write_faults.py
	$(BIN)/python tools/write_contract.py
	$(BIN)/python tools/write_models.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hybrid-lsp needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.base

$(VENV)/.cluster: $(VENV)/.dev
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cluster]'
	touch $@

clean:
	rm -rf $(VENV) build dist editors/vscode/node_modules editors/vscode/dist .coverage* .mypy_cache .pytest_cache .ruff_cache

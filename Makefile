# What `make help` names is the contract; everything else is an implementation detail.
PYTHON ?= python3
BIN := .venv/bin
# One stamp says that .venv holds what pyproject.toml asks for.
INSTALLED := .venv/.installed
# This one, that it also holds what measures the quality of pictures.
MEASURING := .venv/.measuring

# This one, that the page has an environment of its own: its libraries are other ones.
WEB := .venv-web/.installed

# And this one, that it holds what looks at running processes.
PROFILING := .venv/.profiling

# A checkout of the original Wav2Lip, for bench.
REFERENCE ?=
# What contact-sheet shows: faces, and what is spoken.  Without them it is the demo.
CLIPS ?=
VOICE ?= tests/media/harbour.flac

.PHONY: help demo demo-farm demo-web test gpu bench profile bench-quality contact-sheet torture
.PHONY: check deb install install-farm install-web uninstall clean

help:
	@echo 'make demo    install, fetch a clip, render it, and say how fast (writes demo.mp4)'
	@echo 'make demo-farm'
	@echo '             two daemons, a Redis and a folder as a farm render two clips, and leave nothing'
	@echo 'make demo-web'
	@echo '             a daemon and its page, to be looked at with a browser, until Ctrl-C'
	@echo 'make test    every test this machine can run; skips say why'
	@echo 'make gpu     test and measure on a CUDA GPU, with the PyTorch of PYTHON if it has one (8 minutes)'
	@echo 'make bench   measure: a table, and a JSON line for each case; what has moved against the'
	@echo '             baseline (20 minutes); REFERENCE=path runs an original Wav2Lip beside it'
	@echo "make profile where a job's time goes: .cache/profile.svg"
	@echo 'make bench-quality'
	@echo '             measure the pictures: sync, colours, seams; one JSON line per figure (10 minutes)'
	@echo 'make contact-sheet CLIPS="a.mp4 b.jpg" VOICE=hello.wav'
	@echo '             sources above their results, six frames each, as PNG (without CLIPS: the demo)'
	@echo 'make torture the long forms of the hardest tests; one JSON line each (two hours or three)'
	@echo 'make check   formatting, lint and types'
	@echo 'make deb     dist/lipsyncd_*.deb: what install installs, with all of it from Python, so that to'
	@echo '             install it takes no network (3 minutes); make test LIPSYNCD_DEB=path tests it whole'
	@echo 'make clean   remove what the targets above made'
	@echo
	@echo 'make install     the service, into /opt/lipsyncd, and its systemd units; again: an upgrade'
	@echo 'make install-farm   after it: this machine becomes a host of a farm'
	@echo 'make install-web    the page, into /opt/lipsyncweb, behind a proxy'
	@echo 'make uninstall   remove it again, but for configuration and state'
	@echo
	@echo 'PYTHON=python3.12 chooses the interpreter (3.11 or newer). Up to `clean` all stays in this'
	@echo 'folder (.venv, .cache, dist); install also takes DESTDIR, PREFIX and SYSTEMD_UNIT_DIR.'

demo: $(INSTALLED)
	@tests/demo.sh

demo-farm: $(INSTALLED)
	@tests/demo-farm.sh

demo-web: $(INSTALLED) $(WEB)
	@tests/demo-web.sh

test: $(INSTALLED) $(WEB)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

gpu:
	@tests/gpu.sh "$(PYTHON)"

bench: $(INSTALLED)
	@REFERENCE="$(REFERENCE)" PYTHONPATH=tests $(BIN)/python tests/bench/render.py

profile: $(PROFILING)
	@PYTHONPATH=tests $(BIN)/python tests/bench/flame.py

bench-quality: $(MEASURING)
	@PYTHONPATH=tests $(BIN)/python tests/bench/quality.py

contact-sheet: $(INSTALLED)
	@PYTHONPATH=tests $(BIN)/python tests/bench/contact_sheet.py $(CLIPS) --voice "$(VOICE)"

torture: $(INSTALLED)
	@set -e; for torture in tests/torture/*.py; do PYTHONPATH=tests $(BIN)/python $$torture; done

check: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# What is said on the command line (DESTDIR, PREFIX, SYSTEMD_UNIT_DIR, PYTHON) reaches the script.
install install-farm install-web uninstall:
	@systemd/install.sh $@

deb:
	@systemd/package.sh

clean:
	rm -rf .venv .venv-gpu .venv-web .cache dist .pytest_cache .ruff_cache .hypothesis demo*.mp4
	find daemon ctl tests -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@echo 'Making .venv. The first time this downloads PyTorch and its libraries (some GB); later runs skip it.'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lipsyncd needs Python 3.11 or newer: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo 'The venv module is missing: apt install python3-venv'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[render,farm,test]'
	@touch $@

$(WEB): pyproject.toml
	@echo 'Making .venv-web, for the page.'
	$(PYTHON) -m venv .venv-web
	.venv-web/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[web,farm]'
	@touch $@

$(MEASURING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[render,farm,test,quality]'
	@touch $@

$(PROFILING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[render,test,profile]'
	@touch $@

#!/usr/bin/env bash
# `make gpu`: the tests of a GPU and its figures, with a PyTorch that is there already if one is.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$1 # the interpreter that the operator chose
required=$PWD/.cache/gpu/requirements.txt

if ! compgen -G '/dev/nvidia[0-9]*' >/dev/null && [[ ! -e /dev/dxg ]]; then
    echo 'There is no CUDA GPU in this machine, so there is nothing to test or to measure on one.'
    exit 0
fi

# An environment that sees the PyTorch of another interpreter, system's or venv's, and has the rest.
borrow() {
    local torch=$1
    "$base" -m venv .venv-gpu
    echo "$torch" >"$(.venv-gpu/bin/python -c 'import site; print(site.getsitepackages()[0])')/torch.pth"
    mkdir -p "${required%/*}"
    .venv-gpu/bin/python - >"$required" <<'END'
import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
wanted = project["dependencies"] + extras["render"] + extras["test"]
print(*(each for each in wanted if not each.startswith("torch")), sep="\n")
END
    .venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$required"
}

where='import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])'
if [[ -e .venv/.installed ]]; then
    python=.venv/bin/python
elif torch=$("$base" -c "$where" 2>/dev/null); then
    borrow "$torch"
    python=.venv-gpu/bin/python
else
    make --silent .venv/.installed PYTHON="$base"
    python=.venv/bin/python
fi

export PYTHONPATH=daemon:ctl:tests
LIPSYNCD_GPU=required "$python" -m pytest -m gpu
"$python" tests/bench/gpu.py

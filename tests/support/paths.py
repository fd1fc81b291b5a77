"""Where the parts of the project are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VOICES = ROOT / "tests/media"  # sentences, as recorded
STATES = ROOT / "tests/state"  # of earlier versions
PACKAGES = os.pathsep.join([str(ROOT / "daemon"), str(ROOT / "ctl")])  # as $PYTHONPATH

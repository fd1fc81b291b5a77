"""Where the parts of the project are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VOICES = ROOT / "tests/media"  # sentences, as recorded
# clips of the GRID corpus, beside the repository; not everywhere
TALKERS = ROOT.parent / "shared/media"
STATES = ROOT / "tests/state"  # of earlier versions
# each as $PYTHONPATH: what is installed, and what the tests' own programs need
PACKAGES = os.pathsep.join([str(ROOT / "daemon"), str(ROOT / "ctl")])
WITH_TESTS = os.pathsep.join([PACKAGES, str(ROOT / "tests")])

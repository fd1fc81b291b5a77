"""The original Wav2Lip inference, `inference.py CHECKOUT WORD...`, with what its age needs.

It asks for the face's box by hand, so its detector is not loaded.
"""

import runpy
import sys
from types import ModuleType
from typing import Any

import librosa


def main() -> None:
    checkout, *words = sys.argv[1:]
    sys.path[0] = checkout
    bank = librosa.filters.mel

    def mel(rate: int, size: int, **how: Any) -> Any:  # librosa takes names only since 0.10
        return bank(sr=rate, n_fft=size, **how)

    librosa.filters.mel = mel
    bars, detector = ModuleType("tqdm"), ModuleType("face_detection")
    bars.tqdm = lambda items, **_: items
    sys.modules |= {"tqdm": bars, "face_detection": detector}
    sys.argv = ["inference.py", *words]
    runpy.run_path(f"{checkout}/inference.py", run_name="__main__")


if __name__ == "__main__":
    main()

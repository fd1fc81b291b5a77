"""Published files that are known by their hash: what they are, and under which licence."""

from typing import NamedTuple

WAV2LIP = "a Wav2Lip generator for 96 pixels"
NON_COMMERCIAL = "non-commercial (trained on LRS2)"  # Rudrabha/Wav2Lip, README
# What is said of a generator that nobody knows, and that says nothing of it itself.
UNTOLD = "not told; Wav2Lip's published weights are non-commercial"


class Published(NamedTuple):
    """One file."""

    what: str
    licence: str


PUBLISHED_FILES = {
    "b78b681b68ad9fe6c6fb1debc6ff43ad05834a8af8a62ffc4167b7b34ef63c37": Published(
        f"{WAV2LIP}, wav2lip.pth", NON_COMMERCIAL
    ),
    "ca9ab7b7b812c0e80a6e70a5977c545a1e8a365a6c49d5e533023c034d7ac3d8": Published(
        f"{WAV2LIP}, wav2lip_gan.pth", NON_COMMERCIAL
    ),
    "180cfd49d31d47f195d5bfc62830ffe2c40724b7bbbce6faadc73ac6ab1a3b8e": Published(
        f"{WAV2LIP}, Wav2Lip-SD-GAN.pt", NON_COMMERCIAL
    ),
    "053ed191ef12f7c05981542321ae5f90d8eaa41deb9aca8483cac0654b54ccaf": Published(
        "the sync expert, which probes ask", "CC-BY-4.0"
    ),
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4": Published(
        "YuNet, the face detector", "MIT"
    ),
    "79ac56239f5ca639ce60dc1577af757e1948c484f79122aca8e5e2401c8dae68": Published(
        "SFace, the face recogniser", "Apache-2.0"
    ),
    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493": Published(
        "MediaPipe's face mesh, the landmarker", "Apache-2.0"
    ),
}

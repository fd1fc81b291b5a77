"""Native libraries: what they must be told, through the environment, before they are loaded."""

import os

SETTINGS = {
    # Idle threads of the generator sleep instead of spinning: the encoder needs the cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Detection runs beside the generator; threads of its own would only get in the way.
    "OPENCV_FOR_THREADS_NUM": "1",
    "OPENCV_LOG_LEVEL": "ERROR",
}


def set_up_libraries() -> None:
    """Call it before the data plane is imported; what the operator set stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)

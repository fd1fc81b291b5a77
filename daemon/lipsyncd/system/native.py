"""Native libraries: what they must be told before they are loaded."""

import ctypes
import os

SETTINGS = {
    # Idle threads of the generator sleep instead of spinning: the encoder needs the cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Detection runs beside the generator; threads of its own would only get in the way.
    "OPENCV_FOR_THREADS_NUM": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_LOG_LEVEL": "ERROR",
}


# A render's threads pass memory on to each other; heaps of their own would each keep the peak.
M_ARENA_MAX, ARENAS = -8, 2  # of mallopt(3)


def set_up_libraries() -> None:
    """Call it before the data plane is imported; what the operator set in the environment stays."""
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)

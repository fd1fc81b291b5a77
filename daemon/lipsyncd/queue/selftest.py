"""The warm pass: while there is no job, a small batch proves that a device counts right."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median

from lipsyncd.system.catalog import WARM_PASS_SLOW, emit

SLOW_SECONDS = 1.0  # a job that comes in meanwhile waits that long
SLOW_RATIO = 10  # to the median of the passes before
REMEMBERED = 100  # passes
ENOUGH = 10  # of them make a median


class WarmPass:
    """Runs `prove`, which raises DeviceLost, and tells when it was slow."""

    def __init__(self, prove: Callable[[], None]) -> None:
        self._prove = prove
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)

    def run(self) -> None:
        """One pass."""
        begun = time.monotonic()
        self._prove()
        self._judge(time.monotonic() - begun)

    def _judge(self, seconds: float) -> None:
        usual = median(self._latencies) if len(self._latencies) >= ENOUGH else SLOW_SECONDS
        self._latencies.append(seconds)
        if seconds > min(SLOW_SECONDS, SLOW_RATIO * usual):
            text = "warm pass: took %.0f ms, the median is %.0f ms"
            milliseconds = (1000 * seconds, 1000 * median(self._latencies))
            emit(WARM_PASS_SLOW, text, *milliseconds, WARM_PASS_MS=round(milliseconds[0]))

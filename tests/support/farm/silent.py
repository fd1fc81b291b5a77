"""A bridge whose consumer is silent, as after some resets of Redis."""

import sys

from kombu.transport.redis import QoS

from lipsyncfarm import bridge, worker

if __name__ == "__main__":
    bridge.SILENCE = 1.0
    QoS.can_consume = lambda _: False
    sys.exit(worker.main())

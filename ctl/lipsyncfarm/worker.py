"""`lipsyncfarm-worker`: this host's bridge between the farm and its daemon."""

import logging
import sys
import warnings
from argparse import Namespace
from types import MethodType
from typing import Any

from celery import bootsteps, signals
from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer.tasks import Tasks
from redis import Redis

from lipsyncctl import Client
from lipsyncd.errors import ConfigInvalid, HostExhausted, LipsyncError
from lipsyncd.system import journal
from lipsyncd.system.lock import locked
from lipsyncfarm import broker, identity, tickets
from lipsyncfarm.arguments import parser
from lipsyncfarm.bridge import Bridge
from lipsyncfarm.cache import Cache
from lipsyncfarm.config import Farm, find_farm
from lipsyncfarm.held import Held
from lipsyncfarm.local import Tools
from lipsyncfarm.record import Record
from lipsyncfarm.store import MediaStore

WAKES = 0.5  # seconds after which Celery sees that there is room again


def main() -> int:
    """Every failure ends as one line and an exit code."""
    arguments = parser().parse_args()
    try:
        farm = find_farm(arguments.farm)
        if arguments.token:
            sys.stdout.write(f"{identity.token_of(farm, arguments.token)}\n")
            return 0
        journal.set_up()
        journal.always(SYSLOG_IDENTIFIER="lipsyncfarm")
        return work(farm, arguments)
    except LipsyncError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return error.code
    except OSError as error:  # a folder or a secret of ours that cannot be used
        sys.stderr.write(f"{error}\n")
        return HostExhausted.code


def work(farm: Farm, arguments: Namespace) -> int:
    """Until a signal; the exit code."""
    if not arguments.state or not arguments.cache:
        raise ConfigInvalid("The worker needs --state and --cache.", "Name a folder for each.")
    identity.token_of(farm, farm.user)  # the key is there
    client = broker.connect(farm)
    broker.check(farm, client)
    arguments.state.mkdir(parents=True, exist_ok=True)
    with locked(arguments.state / "lock", f"the state in {arguments.state}"):
        return consume(Bridge(tools_of(farm, client, arguments), tickets.app_of(farm)))


def tools_of(farm: Farm, client: Redis, arguments: Namespace) -> Tools:
    """What a bridge works with; nobody else has its folders open."""
    store = MediaStore(farm)
    return Tools(
        farm=farm,
        record=Record(farm, client),
        store=store,
        cache=Cache(arguments.cache, store, farm.max_cache_bytes),
        client=Client(arguments.socket),
        held=Held(arguments.state),
        scratch=arguments.state,
    )


def consume(bridge: Bridge) -> int:
    """Celery's worker around a bridge."""
    app = bridge.app
    warnings.simplefilter("ignore", CPendingDeprecationWarning)  # at each loss of the connection
    signals.setup_logging.connect(lambda **_: None, weak=False)  # it is set up, and ours
    logging.getLogger("celery").setLevel(logging.WARNING)
    app.task(bridge.take, name=tickets.TASK, ignore_result=True)
    app.steps["consumer"].add(gate(bridge))
    bridge.start()
    worker = worker_of(bridge)(
        pool="threads",
        concurrency=2 * bridge.tools.farm.slots,  # as many may be led as are rendered
        hostname=f"lipsyncfarm@{bridge.tools.farm.host}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    return worker.exitcode or 0


def worker_of(bridge: Bridge) -> Any:
    """Celery's worker, which waits for its tasks when it stops, so they have to be told.

    It is told to stop, or does so by itself: some losses of the connection end it.
    """

    base: Any = bridge.app.Worker

    class Worker(base):
        def stop(self, *how: Any, **more: Any) -> None:
            bridge.stop()
            super().stop(*how, **more)

    return Worker


def gate(bridge: Bridge) -> type[bootsteps.StartStopStep]:
    """A step of Celery's consumer, after which it asks for tickets only while there is room."""

    class Gate(bootsteps.StartStopStep):
        requires = (Tasks,)
        timer: Any = None

        def start(self, parent: Any) -> None:
            qos = parent.task_consumer.channel.qos
            can_consume = qos.can_consume
            qos.can_consume = MethodType(lambda _: bridge.has_room() and can_consume(), qos)
            self.timer = parent.timer.call_repeatedly(WAKES, lambda: None)

        def stop(self, parent: Any) -> None:
            if self.timer:
                self.timer.cancel()

    return Gate


if __name__ == "__main__":
    sys.exit(main())

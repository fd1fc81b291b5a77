"""Celery: one ticket for each queued job, which says only that there is one to be taken.

Tickets are empty.  So one that comes twice, or whose job another ticket has brought, finds
nothing to do; and one that is lost is replaced by any bridge that sees fewer tickets than jobs.
"""

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from lipsyncd.errors import ServerUnreachable
from lipsyncfarm.broker import address_of
from lipsyncfarm.config import Farm

TASK = "lipsyncfarm.take"
QUEUE = "tickets"


def app_of(farm: Farm) -> Celery:
    """The farm's Celery app; results are none of its business, the record has them."""
    app = Celery("lipsyncfarm", broker=address_of(farm), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        # a ticket that ended its worker must not end the next one
        task_reject_on_worker_lost=False,
        # a ticket goes to whoever has room now
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        # what a host is told it is told by the record
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": farm.prefix,
            "visibility_timeout": farm.visibility_seconds,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "retry_on_timeout": True,
        },
    )
    return app


def send(app: Celery, count: int = 1) -> None:
    """So many more tickets.  Raises ServerUnreachable."""
    how: Any = {"retry": False, "ignore_result": True}
    try:
        with app.connection_for_write() as connection:
            for _ in range(count):
                app.send_task(TASK, connection=connection, **how)
    except OperationalError as error:
        raise ServerUnreachable(
            f"Celery's broker does not answer: {error}.", "Look whether Redis runs."
        ) from error

"""Celery as it is used here: orders as JSON to prefork workers, nothing back but by the exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from service.pool.orders import LANES, Lane

TASK = "fluxion.order"
SOCKET_SECONDS = 5.0
LOST_SECONDS = 0.2  # until a worker's process that is gone counts as lost
SPARE_SECONDS = 60.0  # between the longest time that work may take and that after which it is delivered again


@dataclass(frozen=True)
class Broker:
    """Where orders wait. Only workers of the same `family` take them: those that answer alike.

    Work that takes longer than `visibility_seconds` would be delivered again, and so may not.
    """

    url: str
    family: str = ""
    visibility_seconds: float = 3600.0

    def queue(self, lane: Lane) -> str:
        """The name of a lane's queue."""
        return f"fluxion.{self.family}.{lane}"

    @property
    def workers(self) -> str:
        """The mark that there is a worker."""
        return f"workers:{self.family}"

    @property
    def longest(self) -> float:
        """The seconds that work may take."""
        return max(self.visibility_seconds - SPARE_SECONDS, self.visibility_seconds / 2)


def application(broker: Broker, **more: Any) -> Celery:
    """The Celery application of both sides. Nothing is ever pickled, and no result kept."""
    app = Celery("fluxion", set_as_current=False)
    app.conf.update(
        broker_url=broker.url.replace("unix://", "redis+socket://", 1),
        broker_transport_options={
            "visibility_timeout": broker.visibility_seconds,
            "queue_order_strategy": "priority",  # short work first
            "socket_timeout": SOCKET_SECONDS,
            "socket_connect_timeout": SOCKET_SECONDS,
        },
        broker_connection_retry_on_startup=True,
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        task_queues=[Queue(broker.queue(lane), Exchange("fluxion"), routing_key=broker.queue(lane)) for lane in LANES],
        task_default_queue=broker.queue("small"),
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_lost_wait=LOST_SECONDS,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        **more,
    )
    return app

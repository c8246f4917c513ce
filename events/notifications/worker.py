"""The notifier: the loop that sends notifications, in `up` or by `runworker notifications`."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from events.models import Delivery
from events.notifications import channels, content, deliveries
from events.notifications.channel_worker import WorkerThread
from events.notifications.deliveries import CHANNEL, DeliveryLease, wakeup
from hsi import failpoints
from hsi.errors import HSIError
from hsi.metrics import histograms
from hsi.workers.loop import LONGEST_SLEEP_SECONDS, Loop, drop_bad_connections

logger = logging.getLogger(__name__)

RETRY_SECONDS = (5.0, 600.0)
MIN_SLEEP_SECONDS = (
    0.2  # while a due delivery is locked by another worker, or waits for the first delivery of its alert
)


class Notifier(Loop):
    """Claims due deliveries, and sends up to `NOTIFICATION_CONCURRENCY` at a time.

    Wake-ups and finished deliveries wake it, and it polls once a second.
    """

    def __init__(self, channels: Sequence[str] = (CHANNEL,)) -> None:
        """`channels` are the Channels channels that this process serves too."""
        super().__init__("notifications")
        self._in_hand: dict[Future[None], DeliveryLease] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._channel_worker = WorkerThread(channels)

    def open(self) -> None:
        self._pool = ThreadPoolExecutor(settings.NOTIFICATION_CONCURRENCY, thread_name_prefix=self.name)
        wakeup.listen(self.wake)
        self._channel_worker.start()

    def close(self) -> None:
        """Finish the deliveries in hand within the grace time. The others come back when their lease ends."""
        wakeup.unlisten(self.wake)
        self._channel_worker.stop()
        if self._in_hand:
            wait(self._in_hand, timeout=settings.SHUTDOWN_GRACE_SECONDS)
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._collect()
        self.cut_off = bool(self._in_hand)
        for claimed in self._in_hand.values():
            logger.warning("Delivery %s is not finished and is sent again when its lease ends", claimed.delivery_id)
        connections.close_all()

    def idle(self) -> bool:
        return not self._in_hand and (deliveries.seconds_to_next() is None)

    def step(self) -> float:
        self._collect()
        free = settings.NOTIFICATION_CONCURRENCY - len(self._in_hand)
        claims = deliveries.claim(free) if free > 0 and settings.NOTIFICATION_ENABLED else []
        if claims:
            failpoints.reach("delivery-claimed")
        for claimed in claims:
            assert self._pool is not None  # noqa: S101 (open() came first)
            future = self._pool.submit(deliver, claimed)
            self._in_hand[future] = claimed
            future.add_done_callback(lambda _: self.wake())
        if self._only_once:
            wait(self._in_hand)
            self._collect()
        if claims and free > len(claims):
            return MIN_SLEEP_SECONDS
        return LONGEST_SLEEP_SECONDS if claims or self._in_hand else self._pause()

    def _pause(self) -> float:
        seconds = deliveries.seconds_to_next() if settings.NOTIFICATION_ENABLED else None
        return LONGEST_SLEEP_SECONDS if seconds is None else min(max(seconds, MIN_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS)

    def keep_alive(self) -> None:
        deliveries.extend(list(self._in_hand.values()))

    def _collect(self) -> None:
        for future in [future for future in self._in_hand if future.done()]:
            del self._in_hand[future]
            if not future.cancelled():
                self.done += 1
                future.result()


def deliver(claimed: DeliveryLease) -> None:
    """Send a claimed delivery, and record the result. If the database fails, the delivery comes back with its lease."""
    drop_bad_connections()
    try:
        _deliver(claimed)
    except (DatabaseError, InterfaceError) as error:
        logger.error("Delivery %s is not stored and is sent again when its lease ends: %s", claimed.delivery_id, error)
        connections.close_all()
    finally:
        drop_bad_connections()


def _deliver(claimed: DeliveryLease) -> None:
    rows = Delivery.objects.select_related("channel", "alert__event__camera")
    delivery = rows.filter(pk=claimed.delivery_id, lease=claimed.lease).first()
    if delivery is None:
        return  # deleted with its event, or claimed by another worker
    if claimed.attempts > settings.NOTIFICATION_MAX_ATTEMPTS:
        _give_up(claimed, "Every attempt ended without a result.")
    elif not delivery.channel.enabled:
        _give_up(claimed, "The channel is disabled.")
    elif delivery.alert.event.deleted_at is not None:
        _give_up(claimed, "The event is in the trash.")
    else:
        _send(claimed, delivery)


def _send(claimed: DeliveryLease, delivery: Delivery) -> None:
    if not deliveries.has_new_content(delivery):
        deliveries.withdraw(claimed)
        return
    sent_content = deliveries.content_of(delivery.alert.event)
    if delivery.reached:  # some recipients have the content of an earlier attempt, and get the changes by an update
        sent_content = delivery.sent_content
    try:
        channels.send(delivery.channel, content.notification_of(delivery))
    except HSIError as error:
        channels.record_failure(delivery.channel_id, error)
        _failed(claimed, delivery, error, sent_content)
        return
    failpoints.reach("notification-sent")
    if deliveries.mark_sent(claimed, sent_content):
        histograms.stage("delivery", (timezone.now() - delivery.alert.updated_at).total_seconds())
    else:
        logger.info("Delivery %s was claimed by another worker, or has new content", claimed.delivery_id)
    channels.record_success(delivery.channel_id)
    failpoints.reach("delivery-committed")


def _failed(claimed: DeliveryLease, delivery: Delivery, error: HSIError, sent_content: dict[str, Any]) -> None:
    reason = f"{error.code}: {error.detail}"
    if isinstance(error, channels.NotSentError) and error.reached:
        reached = [*delivery.reached, *error.reached]
        deliveries.mark_reached(claimed, reached, sent_content)
    if not error.retryable or claimed.attempts >= settings.NOTIFICATION_MAX_ATTEMPTS:
        _give_up(claimed, reason)
        return
    delay = retry_delay_seconds(claimed.attempts, error)
    logger.warning(
        "Delivery %s, attempt %s failed, again in %.0f s: %s", claimed.delivery_id, claimed.attempts, delay, reason
    )
    deliveries.mark_failed(claimed, reason, delay)


def _give_up(claimed: DeliveryLease, reason: str) -> None:
    logger.error("Delivery %s failed permanently after %s attempts: %s", claimed.delivery_id, claimed.attempts, reason)
    deliveries.mark_dead(claimed, reason)


def retry_delay_seconds(attempts: int, error: HSIError) -> float:
    """Return the exponential back-off with jitter (half to full), or the delay that the receiver requested."""
    if error.retry_after_seconds is not None:
        return max(error.retry_after_seconds, 1.0)
    first, longest = RETRY_SECONDS
    return float(min(longest, first * 2 ** min(attempts - 1, 30)) * random.uniform(0.5, 1))


def loops() -> list[Loop]:
    return [Notifier()]

"""The loop that sends notifications, beside the web server or by `runworker notifications`."""

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
from events.notifications.deliveries import CHANNEL, Claim, hint
from hsi import failpoints
from hsi.errors import HSIError
from hsi.metrics import histograms
from hsi.workers.loop import LONGEST_SLEEP_SECONDS, Loop, drop_bad_connections

logger = logging.getLogger(__name__)

RETRY_SECONDS = (5.0, 600.0)
LEAST_SLEEP_SECONDS = 0.2  # while something is due that another worker has, or that waits for its first telling


class Notifier(Loop):
    """Claims deliveries that are due, and sends as many at a time as `NOTIFICATION_CONCURRENCY`.

    It is woken by hints and by the ends of its own sendings, and looks by itself every second.
    """

    def __init__(self, channels: Sequence[str] = (CHANNEL,)) -> None:
        """`channels` are the Channels channels that this process serves beside."""
        super().__init__("notifications")
        self._in_hand: dict[Future[None], Claim] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._channel_worker = WorkerThread(channels)

    def open(self) -> None:
        self._pool = ThreadPoolExecutor(settings.NOTIFICATION_CONCURRENCY, thread_name_prefix=self.name)
        hint.listen(self.wake)
        self._channel_worker.start()

    def close(self) -> None:
        """Finish what is in hand, for as long as the grace time allows. The rest comes back when its lease ends."""
        hint.unlisten(self.wake)
        self._channel_worker.stop()
        if self._in_hand:
            wait(self._in_hand, timeout=settings.SHUTDOWN_GRACE_SECONDS)
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._collect()
        self.cut_off = bool(self._in_hand)
        for claim in self._in_hand.values():
            logger.warning("Delivery %s is not finished and is sent again when its lease ends", claim.delivery_id)
        connections.close_all()

    def idle(self) -> bool:
        return not self._in_hand and (deliveries.seconds_to_next() is None)

    def step(self) -> float:
        self._collect()
        free = settings.NOTIFICATION_CONCURRENCY - len(self._in_hand)
        claims = deliveries.claim(free) if free > 0 and settings.NOTIFICATION_ENABLED else []
        if claims:
            failpoints.reach("delivery-claimed")
        for claim in claims:
            assert self._pool is not None  # noqa: S101 (open() came first)
            future = self._pool.submit(deliver, claim)
            self._in_hand[future] = claim
            future.add_done_callback(lambda _: self.wake())
        if self._only_once:
            wait(self._in_hand)
            self._collect()
        if claims and free > len(claims):
            return LEAST_SLEEP_SECONDS
        return LONGEST_SLEEP_SECONDS if claims or self._in_hand else self._pause()

    def _pause(self) -> float:
        seconds = deliveries.seconds_to_next() if settings.NOTIFICATION_ENABLED else None
        return (
            LONGEST_SLEEP_SECONDS if seconds is None else min(max(seconds, LEAST_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS)
        )

    def keep_alive(self) -> None:
        deliveries.extend(list(self._in_hand.values()))

    def _collect(self) -> None:
        for future in [future for future in self._in_hand if future.done()]:
            del self._in_hand[future]
            if not future.cancelled():
                self.done += 1
                future.result()


def deliver(claim: Claim) -> None:
    """One delivery, from claimed to sent, tried again later, or given up.

    Where the database does not take the result, the lease brings the delivery back.
    """
    drop_bad_connections()
    try:
        _deliver(claim)
    except (DatabaseError, InterfaceError) as error:
        logger.error("Delivery %s is not stored and is sent again when its lease ends: %s", claim.delivery_id, error)
        connections.close_all()
    finally:
        drop_bad_connections()


def _deliver(claim: Claim) -> None:
    rows = Delivery.objects.select_related("channel", "alert__event__camera")
    delivery = rows.filter(pk=claim.delivery_id, lease=claim.lease).first()
    if delivery is None:
        return  # gone with its event, or another worker's by now
    if claim.attempts > settings.NOTIFICATION_MAX_ATTEMPTS:
        _give_up(claim, "Whoever sent this died of it, or never came back.")
    elif not delivery.channel.enabled:
        _give_up(claim, "The channel was switched off.")
    elif delivery.alert.event.deleted_at is not None:
        _give_up(claim, "The event is in the trash.")
    else:
        _send(claim, delivery)


def _send(claim: Claim, delivery: Delivery) -> None:
    if not deliveries.is_news(delivery):
        deliveries.withdraw(claim)
        return
    told = deliveries.content_of(delivery.alert.event)
    try:
        channels.send(delivery.channel, content.of(delivery))
    except HSIError as error:
        channels.record_failure(delivery.channel_id, error)
        _failed(claim, delivery, error, told)
        return
    failpoints.reach("notification-sent")
    # Who has it from an earlier try was told what was known then, and is told the rest by an update.
    if deliveries.sent(claim, delivery.told if delivery.reached else told):
        histograms.stage("delivery", (timezone.now() - delivery.alert.updated_at).total_seconds())
    else:
        logger.info("Delivery %s was given to another worker, or has more to tell", claim.delivery_id)
    channels.record_success(delivery.channel_id)
    failpoints.reach("delivery-committed")


def _failed(claim: Claim, delivery: Delivery, error: HSIError, told: dict[str, Any]) -> None:
    reason = f"{error.code}: {error.detail}"
    if isinstance(error, channels.NotSentError) and error.reached:
        reached = [*delivery.reached, *error.reached]
        deliveries.reached(claim, reached, delivery.told if delivery.reached else told)
    if not error.retryable or claim.attempts >= settings.NOTIFICATION_MAX_ATTEMPTS:
        _give_up(claim, reason)
        return
    delay = retry_delay_seconds(claim.attempts, error)
    logger.warning(
        "Delivery %s, attempt %s failed, again in %.0f s: %s", claim.delivery_id, claim.attempts, delay, reason
    )
    deliveries.failed(claim, reason, delay)


def _give_up(claim: Claim, reason: str) -> None:
    logger.error("Delivery %s is given up after %s attempts: %s", claim.delivery_id, claim.attempts, reason)
    deliveries.dead(claim, reason)


def retry_delay_seconds(attempts: int, error: HSIError) -> float:
    """Exponential back-off with jitter (half to full), or what the receiver asked for."""
    if error.retry_after_seconds is not None:
        return max(error.retry_after_seconds, 1.0)
    first, longest = RETRY_SECONDS
    return float(min(longest, first * 2 ** min(attempts - 1, 30)) * random.uniform(0.5, 1))


def loops() -> list[Loop]:
    return [Notifier()]

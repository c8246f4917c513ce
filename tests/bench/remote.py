"""Pictures a second with a detection service that answers at once, against a bare loop over one pooled client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
from django.conf import settings
from django.test import override_settings

from cameras.models import Upload
from detection.loops import loops
from detection.models import Detection
from tests.bench import backlog
from tests.bench.figure import Figure, compared
from tests.bench.instant_server import instant_server
from tests.bench.intake import full_hd_still

PICTURES, ROUNDS = 150, 7


def figures() -> Iterator[Figure]:
    """The real worker on waiting uploads of about 200 KB, and as many bare threads as it has."""
    still = full_hd_still()
    with service() as client:
        stored(still)  # opens what stays open
        alone(client, still)
        yield compared(
            f"remote detector, {len(still) // 1000} KB a picture, to stored detections", "pictures/s",
            lambda: PICTURES / stored(still), lambda: PICTURES / alone(client, still),
            rounds=ROUNDS, at_least=0.4,
        )  # fmt: skip
    assert Detection.objects.count() == Upload.objects.count() == PICTURES * (ROUNDS + 1)


@contextmanager
def service() -> Iterator[httpx.Client]:
    """A running service that the settings name, and a bare client of it."""
    with (
        instant_server() as url,
        override_settings(RTDETR_URL=url, DETECTOR="rtdetr"),
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        yield client


def stored(still: bytes) -> float:
    """Seconds in which the detection worker ends waiting uploads."""
    backlog.queue(backlog.waiting_uploads(PICTURES, [still]))
    worker = loops()[0]
    began = time.perf_counter()
    worker.run(drain=True)
    assert worker.done == PICTURES
    return time.perf_counter() - began


def alone(client: httpx.Client, still: bytes) -> float:
    """Seconds in which bare threads have as many answers."""
    began = time.perf_counter()
    with ThreadPoolExecutor(settings.DETECTION_CONCURRENCY) as pool:
        for found in pool.map(lambda _: ask(client, still), range(PICTURES)):
            assert found == 1
    return time.perf_counter() - began


def ask(client: httpx.Client, still: bytes) -> int:
    answer = client.post("/detect", files={"file": ("picture.jpg", still, "image/jpeg")}).json()
    return len(answer["detections"])

"""The detector's breaker in the pipeline: a real service over a socket, and a second process that shares the row."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from cameras.files.tree import Tree
from cameras.intake.accept import accept_file
from cameras.models import Upload
from detection.detectors import reference_picture
from detection.loops import loops
from hsi.models import CircuitBreaker, DeadLetter, QueueJob, StreamMessage
from hsi.outbound.shared_breaker import get_breaker
from tests import files
from tests.peers.detectors import Answer, RtDetrPeer

pytestmark = pytest.mark.django_db(transaction=True)

DOWN = Answer(503, b"{}")
CHILD = """
import django
django.setup()
from django.core.management import call_command
call_command("run_detection", once=True)
"""


@pytest.fixture(autouse=True)
def limits(settings) -> None:
    settings.DETECTOR, settings.CIRCUIT_FAILURE_THRESHOLD = "rtdetr", 3
    settings.JOB_MAX_ATTEMPTS = 2


def put(root: Path, number: int) -> None:
    folder = root / "door"
    folder.mkdir(exist_ok=True)
    for one in range(number):
        (folder / f"{one}.jpg").write_bytes(files.jpeg(seed=one))
        accept_file(Tree(root), f"door/{one}.jpg", final=True)


def detect(passes: int = 1) -> None:
    for _ in range(passes):
        QueueJob.objects.update(due_at=0)
        loops(concurrency=1)[0].run(once=True)


def wait_out() -> None:
    """The recovery time is over."""
    CircuitBreaker.objects.update(retry_at=timezone.now())
    get_breaker.cache_clear()


def breaker_states() -> list[str]:
    rows = StreamMessage.objects.filter(type="service.status", data__service="rtdetr").order_by("seq")
    return [row.data["breaker"] for row in rows]


def states() -> set[str]:
    return set(Upload.objects.values_list("state", flat=True))


def test_a_detector_that_is_down_is_asked_a_few_times_then_left_alone_and_nothing_is_lost(data_dir, settings):
    put(data_dir / "cameras", 6)
    with RtDetrPeer() as peer:
        settings.RTDETR_URL, peer.answer = peer.url, DOWN
        detect(passes=10)
        assert peer.calls == 3
        assert states() == {"waiting"}
        wait_out()
        detect(passes=5)
        assert peer.calls == 4  # one trial, which failed
        peer.answer = peer.person
        wait_out()
        detect(passes=6)
        assert peer.calls == 10
    assert states() == {"detected"}
    assert breaker_states() == ["open", "half_open", "open", "half_open", "closed"]
    assert not DeadLetter.objects.exists()


def test_while_the_breaker_is_open_jobs_are_not_even_taken(data_dir, settings):
    put(data_dir / "cameras", 2)
    settings.RTDETR_URL = "http://127.0.0.1:9"
    detect(passes=3)
    assert CircuitBreaker.objects.get().state == "open"
    before = list(QueueJob.objects.order_by("id").values_list("attempts", "lease", "failures"))
    detect(passes=3)
    assert list(QueueJob.objects.order_by("id").values_list("attempts", "lease", "failures")) == before


def test_pictures_that_are_refused_do_not_open_it(data_dir, settings):
    put(data_dir / "cameras", 5)
    with RtDetrPeer() as peer:
        settings.RTDETR_URL = peer.url
        peer.refuses_all_but(reference_picture.picture().encoded, Answer(400, b"not for me"))
        detect(passes=5)
    assert states() == {"dead"}
    row = CircuitBreaker.objects.get()
    assert (row.state, row.failures, row.unusable) == ("closed", 0, 5)


def test_a_service_that_refuses_all_of_them_opens_it_and_every_picture_waits(data_dir, settings):
    put(data_dir / "cameras", 3)
    with RtDetrPeer() as peer:
        settings.RTDETR_URL, peer.answer = peer.url, Answer(422, b'{"detail":"engine for another GPU"}')
        detect(passes=4)
        assert breaker_states() == ["open"]
        assert "engine for another GPU" in CircuitBreaker.objects.get().last_error
        assert states() == {"waiting"}
        peer.answer = peer.person
        for _ in range(4):
            wait_out()
            detect(passes=2)
    assert states() == {"detected"}
    assert not DeadLetter.objects.exists()


def database_url() -> str:
    """The URL of the test database, for a child process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    who = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgresql://{who}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def in_another_process(url: str, data_dir: Path) -> None:
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "hsi.settings",
        "DETECTOR": "rtdetr",
        "RTDETR_URL": url,
        "HSI_DATA_DIR": str(data_dir),
        "QUEUE": "database",
    }
    subprocess.run([sys.executable, "-c", CHILD], env=environment, check=True, timeout=60)


@pytest.mark.slow
def test_two_processes_share_it(data_dir, settings):
    put(data_dir / "cameras", 2)
    settings.CIRCUIT_SUCCESS_THRESHOLD = 1
    with RtDetrPeer() as peer:
        settings.RTDETR_URL, peer.answer = peer.url, DOWN
        detect(passes=3)
        QueueJob.objects.update(due_at=0)
        in_another_process(peer.url, data_dir)
        assert peer.calls == 3  # it was left alone by a process that had never asked
        peer.answer = peer.person
        wait_out()
        QueueJob.objects.update(due_at=0)
        in_another_process(peer.url, data_dir)
        assert peer.calls == 5
    assert states() == {"detected"}
    get_breaker.cache_clear()
    assert get_breaker("rtdetr").wait_seconds() == 0

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from hsi.models import IdempotencyRecord
from monitoring.retention import records
from tests import factories


def add(client: Client, name: str, key: str = "one", path: str = "cameras") -> Any:
    headers = {"Idempotency-Key": key}
    return client.post(f"/api/{path}", {"name": name}, content_type="application/json", headers=headers)


def signed_in() -> Client:
    client = Client()
    client.force_login(factories.admin())
    return client


@pytest.mark.django_db
def test_the_same_request_is_done_once_and_answered_twice(data_dir: Path):
    boss = signed_in()
    first, again = add(boss, "Door"), add(boss, "Door")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Camera.objects.count() == 1


@pytest.mark.django_db
def test_a_key_with_another_request_is_refused(data_dir: Path):
    boss = signed_in()
    add(boss, "Door")
    for answer in (add(boss, "Yard"), add(boss, "Door", path="cameras/door/zones")):
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert Camera.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_its_users(data_dir: Path):
    assert add(signed_in(), "Door").status_code == 201
    other = add(signed_in(), "Yard")
    assert (other.status_code, other.json()["id"]) == (201, "yard")


@pytest.mark.django_db
def test_an_error_keeps_nothing_so_that_the_key_may_be_tried_again(data_dir: Path):
    boss = signed_in()
    assert add(boss, "").status_code == 400
    assert not IdempotencyRecord.objects.exists()
    assert add(boss, "Door").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 201, "é", "a\tb"])
def test_a_key_that_is_none_is_an_error(data_dir: Path, key: str):
    answer = add(signed_in(), "Door", key)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"Idempotency-Key"})


@pytest.mark.django_db
def test_an_old_answer_is_forgotten_by_who_asks_and_by_housekeeping(data_dir: Path, settings: Any):
    boss = signed_in()
    add(boss, "Door")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS + 1))
    assert add(boss, "Yard").status_code == 201
    later = timezone.now() + timedelta(hours=settings.IDEMPOTENCY_HOURS + 1)
    list(records.forget(later))
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_have_one_effect_and_one_answer(data_dir: Path):
    boss = signed_in()
    answers: list[Any] = []
    together = Barrier(2)

    def ask() -> None:
        together.wait(10)
        try:
            answers.append(add(boss, "Door"))
        finally:
            connection.close()

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Camera.objects.count() == 1
    assert IdempotencyRecord.objects.count() == 1

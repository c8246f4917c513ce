from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cameras.models import Upload
from hsi.models import AuditEntry, DeadLetter, QueueJob
from tests import factories

pytestmark = pytest.mark.django_db


def dead(**values: Any) -> DeadLetter:
    return factories.dead_letter(factories.upload(state=Upload.State.DEAD), **values)


def post(client: Client, what: str, body: Any) -> Any:
    return client.post(f"/api/dead-letters/{what}", body, "application/json")


def test_the_whole_story_is_told_without_secrets(boss: Client, settings: Any):
    settings.RTDETR_API_KEY = "very-secret"
    letter = dead(
        stack="key very-secret", response_body="X-API-Key: open-sesame", error_text="bearer abcdefgh99",
        failures=[{"at": "x", "text": "very-secret"}], payload={"row_id": 1, "token": "t"},
    )  # fmt: skip
    answer = boss.get(f"/api/dead-letters/{letter.pk}")
    story = answer.json()
    assert story["stack"] == "key ********"
    assert story["payload"] == {"row_id": 1, "token": "********"}
    for hidden in ("very-secret", "open-sesame", "abcdefgh99"):
        assert hidden not in answer.content.decode()
    assert boss.get("/api/dead-letters/999999").status_code == 404


def test_the_list_is_narrowed_down(boss: Client):
    first = dead()
    other = dead(queue="analysis_queue", error_type="AnswerCutOffError", state="discarded")

    def found(**filters: Any) -> list[int]:
        return [item["id"] for item in boss.get("/api/dead-letters", filters).json()["items"]]

    assert found() == [other.pk, first.pk]
    assert found(queue="analysis_queue") == found(state="discarded") == found(error="AnswerCutOffError") == [other.pk]
    assert found(after=other.created_at.isoformat()) == [other.pk]
    assert boss.get("/api/dead-letters", {"queue": "x"}).status_code == 400


def test_named_letters_are_queued_again_each_with_its_result(boss: Client):
    letter, resolved = dead(), dead(state="discarded")
    gone = factories.dead_letter(row_id=999_999)
    answer = post(boss, "requeue", {"ids": [letter.pk, resolved.pk, gone.pk, 10**15, letter.pk]})
    assert answer.status_code == 207
    assert answer.json() == {
        "requeued": 1, "discarded": 1, "more": False,
        "results": [
            {"id": letter.pk, "status": 200, "state": "requeued"},
            {"id": resolved.pk, "status": 409, "state": "discarded"},
            {"id": gone.pk, "status": 410, "state": "discarded"},
            {"id": 10**15, "status": 404, "state": None},
        ],
    }  # fmt: skip
    assert QueueJob.objects.get().row_id == letter.row_id
    assert Upload.objects.get(pk=letter.row_id).state == Upload.State.WAITING
    letter.refresh_from_db()
    assert letter.resolved_by == "boss"
    noted = AuditEntry.objects.order_by("id").values_list("action", "object", "user")
    assert ("dead_letter_requeued", f"dead letter {letter.pk}", "boss") in list(noted)
    assert ("dead_letter_discarded", f"dead letter {gone.pk}", "boss") in list(noted)


def test_letters_that_match_are_discarded_up_to_the_bound(boss: Client, settings: Any):
    settings.MAX_REQUEUE_ITERATIONS = 2
    letters = [dead(error_type="FileGoneError") for _ in range(3)]
    other = dead()
    body = {"filter": {"error": "FileGoneError", "queue": "detection_queue"}}
    answer = post(boss, "discard", body)
    done = [{"id": letter.pk, "status": 200, "state": "discarded"} for letter in letters]
    assert answer.status_code == 207  # some are left
    assert answer.json() == {"requeued": 0, "discarded": 2, "more": True, "results": done[:2]}
    answer = post(boss, "discard", body)
    assert answer.status_code == 200
    assert answer.json() == {"requeued": 0, "discarded": 1, "more": False, "results": []}
    states = dict(DeadLetter.objects.values_list("pk", "state"))
    assert [states[letter.pk] for letter in letters] == ["discarded"] * 3
    assert states[other.pk] == "open"
    assert AuditEntry.objects.filter(action="dead_letter_discarded").count() == 3


def test_all_open_letters_are_queued_again(boss: Client):
    dead()
    dead()
    answer = post(boss, "requeue", {"all": True})
    assert (answer.status_code, answer.json()["requeued"]) == (200, 2)
    assert QueueJob.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {}, {"all": False}, {"ids": []}, {"ids": [0]}, {"ids": [2**63]}, {"ids": ["x"]}, {"ids": [1], "all": True}, [],
        {"filter": {"colour": "red"}}, {"filter": {"text": "a\0b"}}, {"filter": {"queue": "x"}}, {"everything": True},
        {"ids": list(range(1, 1002))}, "text", {"ids": 1}, {"all": {"deep": []}}, {"filter": None},
    ],
)  # fmt: skip
def test_a_body_that_does_not_say_which_letters_changes_nothing(boss: Client, body: Any):
    dead()
    for what in ("requeue", "discard"):
        assert post(boss, what, body).status_code == 400
    assert DeadLetter.objects.get().state == "open"


def test_a_token_needs_the_scope_admin(client: Client):
    letter = dead()
    owner = factories.admin()
    for scope, status in {"write": 403, "admin": 207}.items():
        headers = {"Authorization": f"Bearer {factories.token(owner, scope)}"}
        body = {"ids": [letter.pk]}
        answer = client.post("/api/dead-letters/discard", body, "application/json", headers=headers)
        assert answer.status_code == status


def test_a_letter_among_all_that_could_not_be_queued_again_is_named(boss: Client):
    letter, gone = dead(), factories.dead_letter(row_id=999_999)
    answer = post(boss, "requeue", {"all": True})
    assert answer.status_code == 207
    assert answer.json() == {
        "requeued": 1, "discarded": 1, "more": False,
        "results": [
            {"id": letter.pk, "status": 200, "state": "requeued"},
            {"id": gone.pk, "status": 410, "state": "discarded"},
        ],
    }  # fmt: skip

"""The API held against its own description: what is made up from it is answered as it says, and never with a 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup

from tests import factories, pictures

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db]

# What a login may do is the access matrix's. What a schema cannot say (a cursor is one of ours, a folder is free) is
# refused with words, although it fits; and a filter takes more than it says: nothing, and times in other forms.
NOT_HERE = {"ignored_auth", "positive_data_acceptance", "negative_data_rejection"}

A_FEW = settings(
    max_examples=5,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def token(data_dir: Path, settings: Any) -> str:
    """An administrator's, in a system that has one of everything."""
    settings.RATE_LIMIT_ENABLED = False
    door = factories.camera("door")
    upload = pictures.stored(pictures.jpeg(), of=door)
    factories.detection(upload, factories.event(door).batches.get())
    factories.zone(door)
    factories.dead_letter(upload)
    return factories.token(factories.admin(), "admin")


@pytest.fixture
def api(token: str) -> Iterator[Any]:
    for signal in (request_started, request_finished):  # the database of the test stays open, as with Django's client
        signal.disconnect(close_old_connections)
    headers = {"X-API-Key": token}
    yield schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application(), headers=headers)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_as_it_is_described(api: Any, token: str, mode: GenerationMode):
    headers = {"X-API-Key": token}
    checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in NOT_HERE]
    failures: dict[str, str] = {}
    tried = set()

    def holds(case: Any) -> None:
        tried.add(case.operation.label)
        answer = case.call(headers=headers)
        try:
            case.validate_response(answer, checks=checks, headers=headers)
        except FailureGroup as group:
            failures[case.operation.label] = "\n".join(map(str, group.exceptions))[:2000]

    operations = [result.ok() for result in api.get_all_operations()]
    for operation in operations:
        strategy = operation.as_strategy(generation_mode=mode)
        A_FEW(given(strategy)(holds))()
    assert "\n\n".join(f"{label}: {words}" for label, words in failures.items()) == ""
    assert len(tried) > 40

from __future__ import annotations

import json

import pytest
from django.test import Client
from jsonschema import Draft202012Validator, ValidationError

from events.stream import schema
from events.stream.access import EVENTS
from events.stream.protocol import InvalidMessage, parse
from hsi.outbox import messages
from tests import factories
from tests.messages import FROM_CLIENT, FROM_SERVER, check_row, validator

pytestmark = [pytest.mark.one_engine, pytest.mark.django_db]


def test_the_schema_is_published_as_it_is_made():
    client = Client()
    client.force_login(factories.user())
    answer = client.get("/api/schema/stream")
    assert answer.json() == json.loads(json.dumps(schema.document()))
    Draft202012Validator.check_schema(answer.json())


def test_it_has_an_entry_for_every_type_of_message():
    types = {*messages.schemas(), *schema.ABOUT_THE_CONNECTION}
    assert {*types, FROM_SERVER, FROM_CLIENT} <= set(schema.document()["$defs"])


def test_an_event_is_described_by_the_same_words_as_in_rest():
    from hsi.api.openapi import json_schema

    components: dict[str, object] = {}
    json_schema(messages.schemas()["event.created"], components, schema.REF)
    assert schema.document()["$defs"]["Event"] == components["Event"]


def test_what_does_not_fit_is_noticed():
    good = {"id": 1, "camera": "door", "reason": "age", "merged_into": None}
    check_row("event.deleted", "door", good)
    for wrong in ({**good, "id": "1"}, {**good, "more": 1}, {"id": 1}):
        with pytest.raises(ValidationError):
            check_row("event.deleted", "door", wrong)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "ping"}',
        '{"type": "unsubscribe"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "types": ["event.*"], "cameras": ["front"], "after": 3}',
        '{"type": "subscribe", "types": null, "after": null}',
        '{"type": "subscribe", "data": {"types": ["*"]}}',
    ],
)
def test_what_a_client_may_say_is_in_the_schema(text):
    parse(text, EVENTS.families)
    validator(FROM_CLIENT).validate(json.loads(text))


@pytest.mark.parametrize(
    "text", ['{"type": "delete"}', '{"type": 1}', '{"type": "subscribe", "types": "event.*"}', '{"types": ["*"]}', "[]"]
)
def test_what_is_refused_is_not_in_the_schema(text):
    with pytest.raises(InvalidMessage):
        parse(text, EVENTS.families)
    with pytest.raises(ValidationError):
        validator(FROM_CLIENT).validate(json.loads(text))

"""The client that the docs show, run as its user would, and killed as nobody would."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from events.serializers import event_data
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from tests import factories
from tests.engines.environment import ROOT
from tests.events.stream.streaming import PATIENCE_SECONDS, token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.one_engine]

CLIENT = ROOT / "docs" / "examples" / "follow_events.py"
MESSAGES, KILLS = 500, 20


def whole_lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def test_the_documented_client_killed_20_times_in_500_messages_misses_none_and_keeps_none_twice(daphne, tmp_path):
    _, host = daphne
    event = factories.event(factories.camera("door"), summary="A person.")
    dice, pause, kept = random.Random(5), threading.Event(), tmp_path / "messages.jsonl"
    environment = os.environ | {
        "HSI_URL": f"http://{host}",
        "HSI_TOKEN": token_of(User.objects.create_superuser("admin")),
        "HSI_KEPT": str(kept),
        "PYTHONUNBUFFERED": "1",
    }
    output = (tmp_path / "output").open("wb")

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(CLIENT)], env=environment, stdout=output, stderr=output)

    def until_kept(number: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(whole_lines(kept)) < number:
            assert time.monotonic() < deadline, (tmp_path / "output").read_text()
            pause.wait(0.01)

    client = start()
    until_kept(1)  # the word that it is connected, from which on nothing is missed
    for number in range(MESSAGES):
        with transaction.atomic():
            publish.publish(Message("event.updated", CameraId("door"), event_data(event)))
        if number % (MESSAGES // KILLS) == MESSAGES // KILLS // 2:
            until_kept(dice.randint(max(1, number - 12), number + 1))
            client.kill()
            client.wait()
            client = start()
    until_kept(MESSAGES + 1)
    client.kill()
    client.wait()
    output.close()
    assert [message["seq"] for message in whole_lines(kept)] == list(range(MESSAGES + 1))
    assert (tmp_path / "output").read_text().count("A person.") >= MESSAGES

"""The examples of the documents, run as a reader would run them: requests, answers, commands and Python."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from cameras.media.picture import Picture
from cameras.models import Upload
from detection.detectors import DetectedObject
from detection.detectors.rtdetr import RtDetrDetector
from events.notifications.webhook import signature
from hsi.config.environment import read
from hsi.config.options import SETTINGS
from tests import factories, pictures
from tests.detection.pictures import plain
from tests.messages import FROM_CLIENT, check_message, closed, validator
from tests.peers.detectors import RtDetrPeer, json_answer
from tests.test_docs import DOCS, FENCE, ROOT, page, section

pytestmark = [pytest.mark.one_engine, pytest.mark.django_db]

# Answers


def answers() -> list[tuple[str, str]]:
    """`GET /api/cameras` and the JSON that the page of the API shows below it."""
    parts = re.split(r"^#+ `([A-Z]+ /api/[^`]+)`$", page("api.md"), flags=re.MULTILINE)
    found = zip(parts[1::2], parts[2::2], strict=True)
    before_next = [(route, re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]) for route, text in found]
    return [(route, text) for route, below in before_next for kind, text in FENCE.findall(below) if kind == "json"]


def whole(text: str) -> Any:
    """An example as JSON: what it leaves out (`…`, outside of strings) is left out."""
    return json.loads(re.sub(r",? …(?=[ \]}])|…(?=\])", "", text))


@cache
def described() -> dict[str, Any]:
    """The description of the API, in which an object has the fields that it names and no others."""
    return closed(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-any-return]


def check(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator(schema | {"components": described()["components"]}).validate(value)


def nameless(path: str) -> str:
    return re.sub("{[^}]+}", "{}", path)


@pytest.mark.parametrize(("route", "text"), answers(), ids=lambda value: value if value.startswith("G") else "")
def test_an_answer_that_is_shown_is_as_it_is_described(route: str, text: str):
    method, _, path = route.partition(" ")
    operations = {nameless(address): operations for address, operations in described()["paths"].items()}
    operation = operations[nameless(path)][method.lower()]
    success = next(answer for status, answer in sorted(operation["responses"].items()) if status.startswith("2"))
    check(success["content"]["application/json"]["schema"], whole(text))


def test_the_error_that_is_shown_is_one():
    (text,) = (text for kind, text in FENCE.findall(section(page("api.md"), "Errors")) if kind == "json")
    shown = whole(text)
    answer = Client().get("/api/events?colour=red", headers={"Authorization": f"Bearer {reader()}"})
    assert answer.json() | {"request_id": ""} == shown | {"request_id": ""}


def reader() -> str:
    return factories.token(factories.admin(), "read", "write")


def test_the_messages_of_the_stream_that_are_shown_are_as_they_are_described():
    text = section(page("api.md"), "The WebSocket")
    (block,) = (block for kind, block in FENCE.findall(text) if kind == "json")
    shown = [json.loads(one) for one in re.split(r"\n(?={)", block.strip()) if "…" not in one]
    assert [message["type"] for message in shown] == ["connection.ready", "detection.created"]
    for message in shown:
        check_message(message)
    said = [json.loads(one) for one in re.findall(r'^\| `(\{"type".*?\})` \|', text, re.MULTILINE)]
    assert [message["type"] for message in said] == ["subscribe", "unsubscribe", "ping"]
    for message in said:
        validator(FROM_CLIENT).validate(message)


# Requests


def requests() -> list[str]:
    blocks = [block for path in DOCS for _, block in FENCE.findall(path.read_text()) if "curl " in block]
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]


def test_there_are_requests_to_run():
    assert len(requests()) == 4


@pytest.mark.parametrize("line", requests())
def test_a_request_that_is_shown_is_answered(line: str, data_dir: Path):
    factories.event(factories.camera("front_door"), id=1)
    picture = pictures.put(data_dir / "door.jpg", pictures.jpeg())
    words = shlex.split(line.replace("$TOKEN", factories.token(factories.admin(), "read", "write", "ingest")))[1:]
    address = words.pop(next(at for at, word in enumerate(words) if word.startswith("http")))
    given = list(zip(words[::2], words[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    data: Any = next((value for option, value in given if option in ("-d", "--data-binary", "-F")), None)
    method = next((value for option, value in given if option == "-X"), "POST" if data else "GET")
    client, path = Client(headers=headers), address.removeprefix("http://localhost:8000")
    if data == "file=@door.jpg":
        with picture.open("rb") as file:
            answer = client.post(path, {"file": file})
    else:
        body = picture.read_bytes() if data == "@door.jpg" else data or ""
        answer = client.generic(method, path, body, headers.get("Content-Type", "text/plain"))
    assert answer.status_code in (200, 201), answer.content


# Commands


def sessions() -> list[tuple[str, str]]:
    """The line after `$ `, and what is shown as its output."""
    blocks = [block for path in DOCS for _, block in FENCE.findall(path.read_text()) if block.startswith("$ ")]
    return [(line[2:], rest) for line, _, rest in (block.partition("\n") for block in blocks)]


def masked(text: str) -> str:
    """Without what differs each time: times, and the secret part of a token."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", re.sub(r"hsi_\S+", "hsi_…", text))


@pytest.mark.parametrize(("line", "shown"), sessions(), ids=[line.split("manage.py ")[1] for line, _ in sessions()])
def test_a_command_that_is_shown_says_what_is_shown(line: str, shown: str, data_dir: Path):
    words = shlex.split(line.replace("/tmp/try", str(data_dir / "try")))
    at = words.index("manage.py")
    if at > 1:  # with settings of its own: those are read when a process begins
        environment = os.environ | dict(word.split("=", 1) for word in words[: at - 1])
        ran = subprocess.run(
            [sys.executable, *words[at:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.stdout + ran.stderr == shown
        return
    factories.user("anna")
    for _ in range(3):
        factories.dead_letter(factories.upload(state=Upload.State.DEAD, captured_at=timezone.now()))
    out = StringIO()
    call_command(*words[at + 1 :], stdout=out, stderr=out)
    assert masked(out.getvalue()) == masked(shown.replace("/tmp/try", str(data_dir / "try")))


def test_every_target_of_make_that_is_shown_exists():
    shown = {
        target
        for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS)
        for _, block in FENCE.findall(path.read_text())
        for target in re.findall(r"^(?:[A-Z_]+=\S+ )*make ([\w-]+)", block, re.MULTILINE)
    }
    assert shown >= {"demo", "run", "test"}
    for target in shown:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_every_setting_that_is_shown_takes_the_value():
    blocks = [block for path in (ROOT / "README.md", *DOCS) for _, block in FENCE.findall(path.read_text())]
    lines = [line for block in blocks for line in block.splitlines() if re.match(r"[A-Z][A-Z_]+=", line)]
    shown = dict(word.split("=", 1) for line in lines for word in line.split() if "=" in word)
    assert len(shown) >= 5
    assert set(shown) <= {setting.name for setting in SETTINGS}
    read(shown, [])  # raises for a value that cannot be used


# Services


def test_the_answers_of_a_detector_that_are_shown_are_understood():
    (text,) = (text for _, text in FENCE.findall(page("detectors-and-models.md")) if "POST /detect" in text)
    post, get = text.split("GET /health")
    answer = json.loads(post[post.index("{") :])
    with RtDetrPeer() as peer:
        peer.answer, peer.health = json_answer(answer), json_answer(json.loads(get))
        detector = RtDetrDetector(peer.url)
        (found,) = detector.detect(plain((answer["image_width"], answer["image_height"])))
        assert "healthy" in detector.check()
        detector.close()
    assert (found.label, found.confidence) == ("person", 0.95)


# Python


def block(name: str, marker: str) -> str:
    """The Python of a page that holds `marker`."""
    blocks = [text for kind, text in FENCE.findall(page(name)) if kind == "python" and marker in text]
    return str(blocks[0])


def test_the_detector_that_is_shown_finds_the_brightest_spot():
    names: dict[str, Any] = {}
    exec(compile(block("architecture.md", "class BrightSpot"), "architecture.md", "exec"), names)
    pixels = numpy.zeros((90, 160, 3), dtype="uint8")
    pixels[30, 80] = 255
    detector = names["BrightSpot"]()
    (found,) = detector.detect(Picture(pixels=pixels))
    assert isinstance(found, DetectedObject)
    assert found.box.x < 80 / 160 < found.box.x + found.box.width
    assert detector.check() == "ready"


def test_the_receiver_that_is_shown_knows_a_signature():
    names: dict[str, Any] = {}
    exec(compile(block("alerts.md", "def is_genuine"), "alerts.md", "exec"), names)
    header = signature("secret", b"body")
    assert names["is_genuine"]("secret", b"body", header)
    assert not names["is_genuine"]("secret", b"another", header)

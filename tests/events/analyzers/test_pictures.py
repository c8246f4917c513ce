"""Pictures for models that accept them: which, how many, how large, and where they may be sent."""

from __future__ import annotations

import base64
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from events.analyzers import ANALYZERS, Context, get_analyzer
from events.analyzers.pictures import COLOURS, choose, private_addresses
from events.models import LanguageModelServer
from tests import factories, pictures
from tests.events.analyzers.contexts import context, seen
from tests.peers.llm import CHAT, LlmPeer, Reply, Request, verdict_text
from tests.peers.model_servers import SERVERS, has_pictures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


class SeeingPeer(LlmPeer):
    """Names the colour of a picture of one colour, if `sees`. Refuses more pictures than `most`."""

    sees, most = True, 100

    def reply_to(self, request: Request) -> Reply:
        images = sent(request)
        if len(images) > self.most:
            self.requests.append(request)
            words = b'{"error":{"code":400,"message":"the request exceeds the available context size"}}'
            return Reply(status=400, raw=words)
        if images and not request.is_judgement and not self.is_refused(request.body):
            self.requests.append(request)
            pixel: Any = images[0].getpixel((5, 5))
            nearest = min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], pixel, strict=True)))
            return self._wrapped(Reply(nearest if self.sees else "I cannot see pictures."), request.path)
        return super().reply_to(request)


def sent(request: Request) -> list[Image.Image]:
    """The pictures in a request."""
    if request.body is None or not has_pictures(request.body):
        return []
    parts = [part for message in request.body["messages"] for part in message["content"] if isinstance(part, dict)]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")))) for url in urls]


@pytest.fixture
def peer(settings: Any) -> Iterator[SeeingPeer]:
    with SeeingPeer(apis=("openai",)) as peer:
        settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", peer.url, "auto"
        settings.NEMOTRON_MODEL = ""
        yield peer
        ANALYZERS.close()


@pytest.fixture
def visit(data_dir: Path) -> Context:
    """Ten pictures of a person. The person is largest in the sixth, which is more red."""
    camera = factories.camera("door")
    uploads = [
        pictures.stored(pictures.jpeg((960, 540), (220 if number == 5 else 10, 0, 0)), f"{number}.jpg", camera)
        for number in range(10)
    ]
    boxes = [(0.1, 0.1, 0.2, 0.9 if number == 5 else 0.3) for number in range(10)]
    return context(
        *(seen(second=number * 4, box=boxes[number], upload_id=str(one.pk)) for number, one in enumerate(uploads))
    )


def judgement(peer: SeeingPeer) -> Request:
    """The last request for a judgement."""
    return peer.judgements[-1]


def questions(peer: SeeingPeer) -> list[Request]:
    """The judgements, and whether the model sees pictures."""
    return [one for one in peer.requests if one.path == CHAT]


def test_the_best_pictures_are_one_of_each_part_of_the_visit() -> None:
    many = [seen(second=second, box=(0, 0, 0.1, 0.1 if second % 7 else 0.5)) for second in range(60)]
    chosen = [round((view[0].captured_at - many[0].captured_at).total_seconds()) for view in choose(many, 6)]
    assert len(chosen) == 6
    assert chosen == sorted(chosen)
    assert all(second % 7 == 0 for second in chosen)
    assert choose([], 6) == []
    assert len(choose(many[:1], 6)) == 1


def test_people_count_before_larger_objects() -> None:
    car = seen("car", box=(0, 0, 0.9, 0.9), upload_id="1")
    person = seen(second=1, box=(0, 0, 0.1, 0.2), upload_id="2")
    assert choose([car, person], 1) == [(person,)]


def test_a_model_that_sees_gets_small_pictures_with_their_boxes_and_may_describe_them(
    peer: SeeingPeer, visit: Context, settings: Any
) -> None:
    settings.NEMOTRON_IMAGE_COUNT = 3
    peer.default = verdict_text(summary="A person in a red jacket waits.", risk_score=95, risk_level="critical")
    verdict = get_analyzer().judge(visit)
    request = judgement(peer)
    images = sent(request)
    assert [image.size for image in images] == [(480, 270)] * 3
    reds = [image.convert("RGB").getpixel((5, 5))[0] for image in images]  # type: ignore[index]
    assert [red > 150 for red in reds] == [False, True, False]
    assert (verdict.picture_count, verdict.risk_score, verdict.model_score) == (3, 95, 95)
    text = json.dumps(request.body)
    assert text.count("picture 1, ") == text.count("picture 3, ") == 1
    assert "picture 2, +20 s: person 90% at left 10%, top 10%, 20% wide, 90% high" in text
    assert LanguageModelServer.objects.get().accepts_pictures is True


def test_a_server_that_ignores_pictures_is_asked_once_and_then_without(peer: SeeingPeer, visit: Context) -> None:
    peer.sees = False
    for _ in range(2):
        assert get_analyzer().judge(visit).picture_count == 0
    assert [len(sent(one)) for one in questions(peer)] == [1, 0, 0]
    assert LanguageModelServer.objects.get().accepts_pictures is False


@pytest.mark.parametrize("software", SERVERS)
def test_each_server_without_vision_is_asked_without_pictures(peer: SeeingPeer, visit: Context, software: str) -> None:
    SERVERS[software](peer, False)
    assert get_analyzer().judge(visit).picture_count == 0
    assert sent(judgement(peer)) == []
    assert LanguageModelServer.objects.get().accepts_pictures is False


def test_pictures_that_are_too_much_are_halved_and_the_number_is_kept(peer: SeeingPeer, visit: Context) -> None:
    peer.most = 2
    assert get_analyzer().judge(visit).picture_count == 2
    before = peer.calls
    assert get_analyzer().judge(visit).picture_count == 2
    assert peer.calls == before + 1


def test_a_server_that_loses_its_vision_is_asked_without_pictures(peer: SeeingPeer, visit: Context) -> None:
    assert get_analyzer().judge(visit).picture_count == 6
    peer.refuse_when(has_pictures, status=500, words="image input is not supported")
    assert get_analyzer().judge(visit).picture_count == 0
    assert LanguageModelServer.objects.get().accepts_pictures is False


def test_a_small_context_gets_fewer_pictures(peer: SeeingPeer, visit: Context, settings: Any) -> None:
    SERVERS["llama.cpp"](peer, True)
    settings.NEMOTRON_MAX_TOKENS = 600
    peer.routes["GET", "/props"]["default_generation_settings"]["n_ctx"] = 4400
    assert get_analyzer().judge(visit).picture_count == 2


def test_pictures_can_be_turned_off(peer: SeeingPeer, visit: Context, settings: Any) -> None:
    settings.NEMOTRON_IMAGES = "never"
    assert get_analyzer().judge(visit).picture_count == 0
    assert not any(sent(one) for one in questions(peer))


@pytest.mark.parametrize(
    ("addresses", "is_private"),
    [
        (["192.168.1.20"], True), (["10.0.0.1", "fd00::1"], True), (["127.0.0.1"], True),
        (["8.8.8.8"], False), (["192.168.1.20", "8.8.8.8"], False), (["169.254.169.254"], False),
        (["2001:4860:4860::8888"], False), (["::ffff:8.8.8.8"], False), (["0.0.0.0"], False), ([], False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_private_network_may_get_pictures(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], is_private: bool
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert private_addresses("http://llm.example:80") == (addresses if is_private else [])


def test_a_name_that_leads_outside_gets_no_picture_unless_a_setting_allows_it(
    peer: SeeingPeer, visit: Context, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.analyzers.llm.private_addresses", lambda url: [])
    assert get_analyzer().judge(visit).picture_count == 0
    assert not any(sent(one) for one in questions(peer))
    settings.NEMOTRON_IMAGES_OUTSIDE = True
    assert get_analyzer().judge(visit).picture_count == 6


def test_a_picture_whose_file_is_gone_is_left_out(peer: SeeingPeer, visit: Context, data_dir: Path) -> None:
    for path in sorted((data_dir / "cameras").rglob("*.jpg"))[1:]:
        path.unlink()
    assert get_analyzer().judge(visit).picture_count == 1
    gone = replace(visit, seen=visit.seen[5:])
    assert get_analyzer().judge(gone).picture_count == 0


def test_tokens_of_a_judgement_are_reported(peer: SeeingPeer) -> None:
    message = {"role": "assistant", "content": verdict_text()}
    usage = {"prompt_tokens": 812, "completion_tokens": 77, "total_tokens": 889}
    peer.replies.append(Reply(raw=json.dumps({"choices": [{"message": message}], "usage": usage}).encode()))
    verdict = get_analyzer().judge(context())
    assert (verdict.prompt_tokens, verdict.answer_tokens) == (812, 77)

from __future__ import annotations

import json

import pytest

from hsi.outbound.error_responses import LONGEST_WORDS, Fault, fault_of, retry_after_seconds, words_in

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (302, Fault.SETUP),
        (400, Fault.REQUEST),
        (401, Fault.SETUP),
        (403, Fault.SETUP),
        (404, Fault.SETUP),
        (405, Fault.SETUP),
        (410, Fault.REQUEST),
        (413, Fault.REQUEST),
        (422, Fault.REQUEST),
        (425, Fault.MOMENT),
        (429, Fault.MOMENT),
        (500, Fault.MOMENT),
        (502, Fault.MOMENT),
        (504, Fault.MOMENT),
    ],
)
def test_a_status_says_whose_fault_it_is(status: int, fault: Fault):
    assert fault_of(status) is fault


@pytest.mark.parametrize(
    "words",
    [
        "No models loaded. Please load a model in the developer page.",
        'Failed to load model "qwen2.5". Error: not enough memory',
        "model 'llama3.2:3b' not found, try pulling it first",
        "Loading model",
        "The model `x` does not exist",
        "Incorrect API key provided",
        "You exceeded your current quota",
        "the server is overloaded, try again later",
    ],
)
def test_a_400_that_names_a_model_a_credential_or_the_moment_is_not_about_the_input(words: str):
    assert fault_of(400, json.dumps({"error": {"message": words}})) is Fault.SETUP


@pytest.mark.parametrize(
    "words",
    [
        "error loading image",
        "cannot identify image file",
        "This response_format type is unavailable",
        "the request exceeds the available context size",
        "invalid image, try again with another one",
        "image is too large for the model input",
    ],
)
def test_words_about_the_input_leave_the_fault_with_the_request(words: str):
    assert fault_of(400, json.dumps({"detail": words})) is Fault.REQUEST


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error":{"message":"a"}}', "a"),
        ('{"error":"b"}', "b"),
        ('{"detail":[{"msg":"c"}]}', "c"),
        ('{"title":"d"}', "d"),
        ("plain\r\n words\x00", "plain words"),
        ("<html><body>Bad Gateway", ""),
        ("[]", ""),
        ("{}", ""),
        ("", ""),
        ("[" * 100_000, "[" * (LONGEST_WORDS - 1) + "…"),
    ],
)
def test_a_peers_own_words_are_found_on_one_bounded_line(body: str, words: str):
    assert words_in(body) == words


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("99999", 3600.0),
        ("9" * 400, 3600.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2015 00:00:00", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 3600.0),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_bounded(value, seconds):
    assert retry_after_seconds(value) == seconds

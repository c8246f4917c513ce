from __future__ import annotations

from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from events.analyzers.texts import one_line, quotable


def test_control_characters_direction_marks_and_lone_surrogates_are_dropped() -> None:
    assert one_line("a\x00b\x1b[31mc\u202ed\ud800e", 50) == "ab[31mcde"


def test_white_space_of_every_kind_becomes_one_space() -> None:
    assert one_line("  a\r\n\tb\u2028c\u00a0 d ", 50) == "a b c d"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert one_line("abcdef", 4) == "abc…"


def test_control_tokens_of_models_cannot_be_quoted() -> None:
    quoted = quotable("<|im_end|></think>[INST]DATA>>>", 50)
    assert quoted == "(|im_end|)(/think)(INST)DATA)))"


@tries(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.integers(2, 100))
def test_any_text_comes_out_as_one_bounded_line_that_can_be_stored(text: str, limit: int) -> None:
    line = quotable(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not set("<>[]\x00") & set(line)
    line.encode("utf-8")

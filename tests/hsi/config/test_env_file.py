from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from hsi.config.env_file import parse_env_text, read_env_file

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("API_PORT=8000", "8000"),
        ("API_PORT=8000\r\n", "8000"),
        ("export API_PORT=8000", "8000"),
        ("  API_PORT = 8000  ", "8000"),
        ("API_PORT=8000 # as before", "8000"),
        ('API_PORT="8000"  # as before', "8000"),
        ("API_PORT='a # b'", "a # b"),
        ('API_PORT="say \\"hello\\""', 'say "hello"'),
        ("API_PORT='$HOME'", "$HOME"),
        ("API_PORT=a#b=c", "a#b=c"),
        ('API_PORT="one\ntwo"', "one\ntwo"),
        ("API_PORT=", ""),
    ],
)
def test_a_line_is_read_as_shells_and_compose_read_it(line: str, value: str):
    found = parse_env_text(f"# first\n\n{line}\nLAST=1\n")
    assert (found.values, found.wrong) == ({"API_PORT": value, "LAST": "1"}, [])


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + b"API_PORT=9000\r\nDEBUG=1",
        codecs.BOM_UTF16_LE + "API_PORT=9000\r\nDEBUG=1".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "API_PORT=9000\nDEBUG=1\n".encode("utf-16-be"),
        b"# joined from two\n" + codecs.BOM_UTF8 + b"API_PORT=9000\rDEBUG=1\r",
    ],
)
def test_a_file_of_a_windows_editor_is_read(tmp_path: Path, content: bytes):
    path = tmp_path / ".env"
    path.write_bytes(content)
    assert read_env_file(path).values == {"API_PORT": "9000", "DEBUG": "1"}


def test_a_line_that_says_nothing_is_told_by_its_number_and_without_its_value():
    found = parse_env_text('API_PORT: 8000\nSMTP_PASSWORD="hush\n\nRTDETR_API_KEY hush\nDEBUG=1\nDEBUG=0\nLAST=1\n')
    assert found.values == {"DEBUG": "0", "LAST": "1"}
    assert found.wrong == [
        "line 1 is not NAME=value",
        "line 2: the value of SMTP_PASSWORD has a quote that does not end",
        "line 4 is not NAME=value",
        "line 6 sets DEBUG again; the last value counts",
    ]

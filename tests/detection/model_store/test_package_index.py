from __future__ import annotations

import pytest

from detection.model_store.package_index import DEFAULT_INDEX, Index, parsed

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("shown", "indexes"),
    [
        ("", (DEFAULT_INDEX,)),
        ("global.timeout='5'\n", (DEFAULT_INDEX,)),
        ("global.index-url='https://one.example/simple/'\n", ("https://one.example/simple",)),
        (":env:.index-url='https://e.example/s'\nglobal.index-url='https://g.example/s'\n", ("https://e.example/s",)),
        ("global.index-url='https://g.example/s'\ndownload.index-url='https://d.example/s'", ("https://d.example/s",)),
        (
            "global.extra-index-url='file:///srv/simple https://extra.example/simple'",
            (DEFAULT_INDEX, "https://extra.example/simple"),
        ),
        ("global.no-index='true'\nglobal.index-url='https://g.example/s'\n", ()),
        (":env:.no-index='0'\n", (DEFAULT_INDEX,)),
        (
            r"global.extra-index-url='\nhttps://a.example\nhttps://b.example'",
            (DEFAULT_INDEX, "https://a.example", "https://b.example"),
        ),
    ],
)
def test_the_indexes_are_those_that_pip_would_ask(shown, indexes):
    assert tuple(index.url for index in parsed(shown).indexes) == indexes


def test_a_password_in_the_address_of_an_index_becomes_a_header():
    (index,) = parsed("global.index-url='https://me:p%40ss@one.example:8443/simple/'").indexes
    assert index == Index("https://one.example:8443/simple", "Basic bWU6cEBzcw==")


def test_pips_proxy_is_used():
    assert parsed("global.proxy='http://proxy.example:3128'").downloader().proxy == "http://proxy.example:3128"


def test_pips_own_certificates_are_used_where_they_exist(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("")
    assert parsed(f"global.cert='{file}'").certificates == str(file)
    assert parsed("global.cert='/nowhere/ca.pem'").certificates == ""

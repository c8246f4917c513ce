"""The stop list of CONTRIBUTING: words that make a text sound translated stand in no product text and no page."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.one_engine

ROOT = Path(settings.BASE_DIR)
APPS = ("hsi", "cameras", "detection", "events", "monitoring")
CODE = {".py", ".html", ".js", ".txt", ".css"}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.py")])
CONFIGURATION = [ROOT / name for name in (".env.example", "compose.yaml", "Caddyfile", "Makefile", "Dockerfile")]

STOP_WORDS = (
    *("whoever", "whomever", "whatever", "whichever", "nobody", "somebody", "told", "anew", "lest", "hence"),
    *(r"heed(?:s|ed|ing)?", "of itself", r"that (?:is|are) none", "so many more", "as it may be", "for want of"),
    *(r"save (?:of|for|where|that)", "in vain", "to be had", "beyond doubt", "left alone", "begun"),
    *(r"(?:is|are|was|were) away", r"puts? (?:\w+ ){0,2}right"),
)
STOP_LIST = re.compile(rf"(?i)(?<![\w-])(?:{'|'.join(STOP_WORDS)})(?![\w-])")

# A use that stays, by file and by the text around it, with its reason.
ALLOWED = {
    ("events/analyzers/sanity.py", "nobody"): "a word that language models write in their answers",
    ("events/analyzers/sanity.py", "somebody"): "a word that language models write in their answers",
    ("events/analyzers/wording.py", "nobody"): "a word that language models write in their answers",
    ("hsi/audit.py", "nobody"): "the name in an entry whose user has an empty name",
}
CODE_IN_A_PAGE = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\([^)]*\)", re.MULTILINE | re.DOTALL)


def product_files() -> list[Path]:
    """Return the files of the apps, without migrations: those repeat the texts of their time."""
    files = (path for app in APPS for path in (ROOT / app).rglob("*") if path.suffix in CODE)
    return sorted(path for path in files if "migrations" not in path.parts and "vendor" not in path.parts)


def texts_of_code(source: str) -> Iterator[str]:
    """Yield the strings (docstrings too) and the comments of a Python file. Names are not prose."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    if "#" in source:
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        yield "\n".join(token.string for token in tokens if token.type == tokenize.COMMENT)


@cache
def tics(path: Path) -> tuple[str, ...]:
    """Return the stop words in the prose of `path`, without allowed ones."""
    source = path.read_text()
    if path.suffix == ".py":
        texts = list(texts_of_code(source))
    else:
        texts = [CODE_IN_A_PAGE.sub(" ", source) if path.suffix == ".md" else source]
    name = str(path.relative_to(ROOT))
    found = (" ".join(match.group().lower().split()) for text in texts for match in STOP_LIST.finditer(text))
    return tuple(word for word in found if (name, word) not in ALLOWED)


def test_no_page_uses_a_word_of_the_stop_list() -> None:
    found = {path.name: tics(path) for path in (*PAGES, *CONFIGURATION) if path.exists() and tics(path)}
    assert found == {}


def test_no_product_text_uses_a_word_of_the_stop_list() -> None:
    names = {str(path.relative_to(ROOT)): path for path in product_files()}
    found = {name: tics(path) for name, path in names.items() if tics(path)}
    assert found == {}


def test_every_allowed_use_still_exists() -> None:
    for name, word in ALLOWED:
        assert word in (ROOT / name).read_text().lower(), f"{name} no longer says {word!r}"

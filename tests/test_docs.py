"""The documents against the code: what they list exists, and what exists is listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from cameras.media import formats
from cameras.models import Upload
from cameras.naming import file_names
from detection.models import Batch
from events.analyzers import rules
from events.models import Event
from events.stream.access import EVENTS, SYSTEM
from events.stream.protocol import Close
from events.stream.schema import ABOUT_THE_CONNECTION
from hsi.config.options import SETTINGS, Setting
from hsi.models import CircuitBreaker, DeadLetter, WorkerHeartbeat
from hsi.outbox import messages

pytestmark = pytest.mark.one_engine

ROOT = Path(settings.BASE_DIR)
APPS = ("hsi", "cameras", "detection", "events", "monitoring")
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md") if (ROOT / name).exists()] + DOCS
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CHECK_ID = re.compile(r"""\bid="(\w+\.[EWI]\d{3})\"""")
API_PATH = re.compile(r"(?<!\w)/api/[\w/{}.-]+")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def prose(path: Path) -> str:
    """The page without its code blocks, where brackets and hashes mean other things."""
    return FENCE.sub("", path.read_text())


def section(text: str, title: str) -> str:
    """What stands below the heading `title`, up to the next heading of the same or a higher level."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"there is no heading {title!r}"
    rest = text[heading.end() :]
    following = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table in `text`."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def first_cells(text: str) -> set[str]:
    """The text of the first cells that are code."""
    return {row[0].strip().strip("`") for row in rows(text) if row[0].strip().startswith("`")}


def first_cells_of_all(text: str) -> set[str]:
    """Every piece of code in the first cells."""
    return {name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])} - {"type"}


# Settings


def default_words(setting: Setting) -> str:
    value = setting.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    shown = ",".join(value) if isinstance(value, list) else str(value)
    return f"`{shown}`" if shown else "empty"


def setting_row(setting: Setting) -> str:
    """The row of docs/configuration.md for a setting. A failing test shows it, ready to be pasted."""
    words = setting.help + (" Secret." if setting.secret else "") + (" *Live.*" if setting.live else "")
    return f"| `{setting.name}` | {default_words(setting)} | {setting.allowed} | {words} |"


def test_the_page_of_settings_says_what_the_settings_say() -> None:
    shown = [line for line in page("configuration.md").splitlines() if re.match(r"\| `[A-Z_]+` \|", line)]
    wanted = [setting_row(setting) for setting in SETTINGS]
    missing, stale = [row for row in wanted if row not in shown], [row for row in shown if row not in wanted]
    if missing or stale:
        pytest.fail("\n".join(["Add to docs/configuration.md:", *missing, "Remove:", *stale]))
    assert len(shown) == len(set(shown)) == len(wanted)


# Commands


def our_commands() -> dict[str, BaseCommand]:
    return {name: load_command_class(app, name) for name, app in get_commands().items() if app in APPS}


def arguments(command: BaseCommand) -> set[str]:
    """The arguments that are the command's own: long options, and names of positional ones."""
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "none")._actions}
    own = [action for action in command.create_parser("manage.py", "none")._actions if action.dest not in common]
    return {action.option_strings[-1] if action.option_strings else action.dest for action in own}


def test_every_command_is_described_with_its_own_options() -> None:
    text = page("commands.md")
    said = {name: first_cells(section(text, f"`{name}`")) for name in our_commands()}
    assert said == {name: arguments(command) for name, command in our_commands().items()}


# Addresses


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, prefix + str(one.pattern))
        else:
            yield prefix + str(one.pattern), one


def api_routes() -> set[str]:
    """`GET /api/cameras/{id}` and the like, for every method that a view answers."""
    found = set()
    for route, pattern in routes(get_resolver().url_patterns):
        if route.startswith("api/"):
            view = pattern.callback.view_class  # type: ignore[attr-defined]
            methods = [method for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)]
            found |= {f"{method.upper()} /{re.sub('<[^>]+>', '{id}', route)}" for method in methods}
    return found


def test_every_route_of_the_api_has_a_heading_and_no_heading_is_made_up() -> None:
    headings = re.findall(r"^#+ `([A-Z]+ /api/[^`]+)`$", page("api.md"), re.MULTILINE)
    assert set(headings) == api_routes()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_address_of_the_api_that_is_named_exists(path: Path) -> None:
    named = {found.rstrip("./") for found in API_PATH.findall(path.read_text())}
    for address in named:
        resolve(address.replace("{id}", "1"))


# Links and blocks


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_internal_link_leads_somewhere(path: Path) -> None:
    lost = []
    for link in LINK.findall(prose(path)):
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_python_block_compiles(path: Path) -> None:
    for language, block in FENCE.findall(path.read_text()):
        if language == "python":
            compile(block, path.name, "exec")


def test_the_core_of_the_client_stands_in_its_file_as_in_the_page() -> None:
    block = next(block for language, block in FENCE.findall(page("api.md")) if language == "python")
    client = (ROOT / "docs" / "examples" / "follow_events.py").read_text()
    assert block.strip() in client
    assert len([line for line in client.splitlines() if line.strip()]) <= 45


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_source_file_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(rf"`((?:{'|'.join(APPS)}|tests)/[\w/]+\.\w+)`", path.read_text()))
    assert {name for name in named if not (ROOT / name).exists()} == set()


# Operations


def test_every_system_check_is_listed_with_what_to_do() -> None:
    sources = "\n".join(path.read_text() for app in APPS for path in (ROOT / app).rglob("*.py"))
    listed = {row[0].strip("` "): row[-1] for row in rows(section(page("operations.md"), "System checks"))}
    ids = set(CHECK_ID.findall(sources))
    assert ids
    assert {one for one in ids if not listed.get(one)} == set()


@pytest.mark.parametrize(
    ("title", "values"),
    [
        ("Uploads", Upload.State.values),
        ("Batches", Batch.State.values),
        ("Events", Event.Analysis.values),
        ("Dead letters", DeadLetter.State.values),
        ("Circuit breakers", CircuitBreaker.State.values),
        ("Workers and heartbeats", WorkerHeartbeat.State.values),
    ],
)
def test_every_state_is_explained(title: str, values: list[str]) -> None:
    assert set(values) <= first_cells(section(page("operations.md"), title))


def test_every_health_check_is_listed_with_what_to_do() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "monitoring" / "health").glob("*.py"))
    names = set(re.findall(r"""(?:name: str = |ServiceCheck\()"(\w+)\"""", sources))
    assert {"database", "detector"} <= names
    assert names <= first_cells(section(page("operations.md"), "Health"))


# Facts that the pages repeat


def test_every_message_of_the_stream_is_listed() -> None:
    listed = first_cells_of_all(section(page("api.md"), "Messages from the server"))
    assert listed == {*messages.schemas(), *ABOUT_THE_CONNECTION, "error"}


def test_every_message_of_the_stream_goes_over_one_address() -> None:
    families = [family for topic in (EVENTS, SYSTEM) for family in topic.families]
    assert len(families) == len(set(families))
    assert {kind.partition(".")[0] for kind in messages.schemas()} <= set(families)


def test_the_close_codes_are_those_of_the_code() -> None:
    assert {int(code) for code in first_cells(section(page("api.md"), "Close codes"))} == {int(one) for one in Close}


def test_every_layout_example_is_read_as_its_make() -> None:
    table = [row for row in rows(section(page("cameras.md"), "File names that are understood")) if "`" in row[1]]
    for vendor, examples, *_ in table:
        for example in re.findall(r"`([^`]+)`", examples):
            named = file_names.parse(example)
            assert named is not None, example
            assert named.pattern in vendor.lower(), example
    assert {vendor for vendor, _, _ in file_names._PATTERNS} == {row[0].split(",")[-1].strip().lower() for row in table}


def test_every_reason_for_quarantine_is_listed() -> None:
    reasons = {one.reason for one in formats.MediaFaultError.__subclasses__()}
    assert first_cells(section(page("cameras.md"), "Quarantine")) == reasons


def test_the_points_of_the_rules_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ([a-z ]+) ((?:\| \d+ ){4})\|", section(page("risk-score.md"), "The parts"), re.MULTILINE)
    shown = {name: [int(number) for number in re.findall(r"\d+", numbers)] for name, numbers in rows}
    places = ("street", "entrance", "driveway", "private")
    assert shown == {part.name: [part.points[place] for place in places] for part in rules.PARTS}

"""Where modules live and what they may import or name. Reads the files only; imports no code of the apps."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.one_engine

ROOT = Path(settings.BASE_DIR)
APPS = ("hsi", "cameras", "detection", "events", "monitoring")
LONGEST_FILE, SHORT_FILE, MOST_SHORT_FILES = 400, 40, 40

# What may stand beside the sub-packages of an app: the usual modules of Django, and those of its domain.
DJANGO = {
    "apps", "admin", "api", "checks", "consumers", "filters", "models", "policies", "routing", "serializers", "urls",
    "views",
}  # fmt: skip
TOP_MODULES = {
    "hsi": {
        "settings", "asgi", "wsgi",
        "errors", "times", "registry", "audit", "live_settings", "circuit_breaker", "disk_space", "failpoints",
        "process_state",
    },
    "cameras": {
        "access", "clock_offset", "labels", "offline", "services", "unassigned_folders", "vendors", "view", "zones",
    },
    "detection": {"batching", "loops", "pipeline"},
    "events": {
        "actions", "context", "habits", "labels", "loops", "nearby", "pending", "pipeline", "search", "search_index",
        "severity", "stats", "timeline", "visits",
    },
    "monitoring": {"bulk_jobs", "habit_fill", "housekeeping", "job_runs", "log_writer", "reconcile"},
}  # fmt: skip
# The modules of the project package that put the apps together, so that they may name every app.
PROJECT = {f"hsi.{name}" for name in ("apps", "asgi", "settings", "urls", "wsgi")}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def app_of(module: str) -> str:
    return module.partition(".")[0]


def to_the_right(app: str) -> tuple[str, ...]:
    return APPS[APPS.index(app) + 1 :]


@cache
def modules() -> Mapping[str, Path]:
    """Return every module of the apps by its dotted name, without migrations."""
    found = {}
    for path in (path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "migrations" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """Return what each module imports of the apps and the tests, wherever in it the import stands."""
    return {module: frozenset(_imports(module, path)) for module, path in modules().items()}


def _imports(module: str, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [one if one in modules() else str(node.module) for one in names]
        else:
            continue
        yield from (one for one in names if app_of(one) in (*APPS, "tests") and one != module)


def part_of(module: str) -> str:
    """Return the sub-package or top-level module of an app that a module belongs to."""
    return ".".join(module.split(".")[:2])


def cycle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of one cycle, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_from_apps_to_its_left(app: str) -> None:
    forbidden = {*to_the_right(app), "tests"}
    ours = {module: found for module, found in imports().items() if app_of(module) == app and module not in PROJECT}
    wrong = {module: {one for one in found if app_of(one) in forbidden} for module, found in ours.items()}
    assert {module: found for module, found in wrong.items() if found} == {}
    assert ours


def test_no_files_import_each_other_in_a_cycle() -> None:
    assert cycle_in({module: set(found) for module, found in imports().items()}) == []


@pytest.mark.parametrize("app", APPS)
def test_the_imports_between_the_parts_of_an_app_run_one_way(app: str) -> None:
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for module, found in imports().items():
        part = part_of(module)
        for other in {part_of(one) for one in found if app_of(one) == app == app_of(module)} - {part, app}:
            graph[part].add(other)
    assert cycle_in(graph) == []
    assert graph


@pytest.mark.parametrize("app", APPS[:-1])
def test_an_app_names_no_module_of_an_app_to_its_right(app: str) -> None:
    """Not in strings and comments either: what an app adds to another one it registers in `AppConfig.ready()`."""
    dotted = re.compile(rf"\b(?:{'|'.join(to_the_right(app))})\.\w+")
    wrong = {}
    for module, path in modules().items():
        if app_of(module) == app and module not in PROJECT and not module.startswith("hsi.server."):
            named = {one for one in dotted.findall(path.read_text()) if one in modules()}
            wrong[module] = named
    assert {module: named for module, named in wrong.items() if named} == {}


@pytest.mark.parametrize("app", APPS)
def test_a_page_uses_only_templates_and_static_files_of_its_app_and_of_apps_to_the_left(app: str) -> None:
    pages = dict.fromkeys((ROOT / app).rglob("*.html"), r"{%-?\s*(?:extends|include|static)\s+[\"'](\w+)/")
    views = {path: r"[\"'](\w+)/[\w/]+\.html[\"']" for module, path in modules().items() if app_of(module) == app}
    used = {name(path): set(re.findall(pattern, path.read_text())) for path, pattern in (pages | views).items()}
    assert {path: apps & set(to_the_right(app)) for path, apps in used.items() if apps & set(to_the_right(app))} == {}


@pytest.mark.parametrize("app", APPS)
def test_a_module_stands_in_a_sub_package_or_is_known_at_the_top(app: str) -> None:
    allowed = {f"{app}.{one}" for one in DJANGO | TOP_MODULES[app]}
    top = {module for module, path in modules().items() if path.parent == ROOT / app and module != app}
    assert top - allowed == set()
    assert f"{app}.apps" in top


def test_no_name_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "common", "misc", "core", "base_classes"}
    assert [module for module in modules() if vague & set(module.split("."))] == []


def test_no_file_is_too_long_to_keep_in_mind() -> None:
    lengths = {name(path): line_count(path) for path in modules().values()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_few_files_are_too_short_to_be_a_place() -> None:
    """Commands, and the modules that register what an app has, are short by nature."""
    counted = [
        path
        for path in modules().values()
        if "commands" not in path.parts and path.name not in {"__init__.py", "apps.py", "policies.py", "urls.py"}
    ]
    short = sorted(name(path) for path in counted if line_count(path) < SHORT_FILE)
    assert len(short) <= MOST_SHORT_FILES, short


@cache
def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())

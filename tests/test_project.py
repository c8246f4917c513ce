"""What holds for the project as a whole: its files, its packages, its commands, its images."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command, get_commands

ROOT = Path(settings.BASE_DIR)
APPS = ("hsi", "cameras", "detection", "events", "monitoring")
PRODUCT = {*APPS, "manage.py", "requirements.txt", "Dockerfile", "tests"}
REPOSITORY = {
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml", "requirements-dev.txt",
    "compose.yaml", "Caddyfile", "docs", ".ci", ".dockerignore", ".env.example", ".gitignore", ".gitattributes",
}  # fmt: skip
PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[^\s;]+( ; [^#]+)?(  +# .+)?")


def python_files(*apps: str) -> list[Path]:
    return sorted(path for app in apps for path in (ROOT / app).rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """The top-level packages a file imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} has a relative import"
            found.add(node.module or "")
    return {module.partition(".")[0] for module in found}


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def requirements(file: str) -> tuple[list[str], list[str]]:
    """The lines of the direct packages, and those of what they need."""
    direct, _, needed = (ROOT / file).read_text().partition("\n\n")
    lines = [[line for line in part.splitlines() if line and line[0] not in "#-"] for part in (direct, needed)]
    return lines[0], lines[1]


def pinned(file: str) -> list[str]:
    direct, needed = requirements(file)
    return direct + needed


def our_commands() -> list[str]:
    return sorted(command for command, app in get_commands().items() if app in APPS)


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


@pytest.mark.one_engine
def test_the_top_level_holds_what_the_design_names_and_nothing_else() -> None:
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z"]
        tracked = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        found = {path.partition("/")[0] for path in tracked.split("\0") if path}
    else:
        ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
        found = {path.name for path in ROOT.iterdir()} - ignored
    assert found - PRODUCT - REPOSITORY == set()
    assert {part for part in PRODUCT if not (ROOT / part).exists()} == set()


@pytest.mark.one_engine
@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned(file: str) -> None:
    assert [line for line in pinned(file) if not PIN.fullmatch(line)] == []
    assert len(pinned(file)) > 20


@pytest.mark.one_engine
@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_direct_package_says_why_it_is_there(file: str) -> None:
    direct, _ = requirements(file)
    assert [line for line in direct if "  # " not in line] == []


def foreign_packages(*paths: Path) -> dict[str, set[str]]:
    """The packages of others that bring the modules that files import, by module."""
    known = packages_distributions()
    foreign = {module for path in paths for module in imports(path)} - set(sys.stdlib_module_names) - {*APPS, "tests"}
    return {module: {normal(one) for one in known.get(module, ["?"])} for module in foreign}


def package_of(line: str) -> str:
    return normal(re.split(r"[\[=]", line)[0])


@pytest.mark.one_engine
def test_what_the_code_imports_is_a_direct_package() -> None:
    direct = {package_of(line) for line in requirements("requirements.txt")[0]}
    used = foreign_packages(*python_files(*APPS), ROOT / "manage.py")
    assert {module for module, packages in used.items() if not packages & direct} == set()


@pytest.mark.one_engine
def test_what_the_tests_import_is_pinned() -> None:
    """Else a package that somebody installed by hand passes here and is missing on a fresh machine."""
    known = {package_of(line) for file in ("requirements.txt", "requirements-dev.txt") for line in pinned(file)}
    used = foreign_packages(*python_files("tests"))
    assert {module for module, packages in used.items() if not packages & known} == set()


@pytest.mark.one_engine
def test_what_is_installed_is_what_is_pinned() -> None:
    everywhere = [
        line for file in ("requirements.txt", "requirements-dev.txt") for line in pinned(file) if ";" not in line
    ]
    wanted = {re.sub(r"\[.*\]", "", line.split(" ")[0]) for line in everywhere}
    packages = {one.partition("==")[0] for one in wanted}
    assert {f"{package}=={version(package)}" for package in packages} == wanted


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    told = io.StringIO()
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=told, stderr=told)
    except SystemExit:
        pytest.fail(told.getvalue())
    assert "No changes detected" in told.getvalue()


@pytest.mark.one_engine
def test_every_command_is_documented() -> None:
    text = "\n".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))])
    assert [command for command in our_commands() if not re.search(rf"\b{command}\b", text)] == []
    assert "up" in our_commands()


@pytest.mark.one_engine
def test_only_the_worker_loop_catches_every_exception() -> None:
    catching = {name(path) for path in [*python_files(*APPS), ROOT / "manage.py"] if catches_all(path)}
    assert catching <= {"hsi/workers/loop.py", "hsi/workers/queue_worker.py"}


def catches_all(path: Path) -> bool:
    handlers = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler))
    return any(too_broad(handler.type) and not passes_on(handler) for handler in handlers)


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Cleans up and raises the same again, which hides nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def too_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


@pytest.mark.one_engine
def test_the_image_copies_only_what_exists_and_what_the_ignore_list_lets_in() -> None:
    copied = [
        part
        for line in re.findall(r"^COPY (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for part in line.split()[:-1]
    ]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert [part for part in copied if not (ROOT / part).exists()] == []
    assert set(copied) == let_in
    assert set(APPS) <= let_in


@pytest.mark.one_engine
def test_the_image_runs_unprivileged_and_reports_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER hsi$", text, re.MULTILINE)
    probe = re.search(r"^HEALTHCHECK.*\\\n +CMD \[\"python\", \"-c\", \"(.+)\"\]$", text, re.MULTILINE)
    assert probe
    compile(probe[1], "HEALTHCHECK", "exec")
    assert "/health/live" in probe[1]


@pytest.mark.one_engine
def test_the_health_probe_of_the_image_is_let_in_whatever_hosts_are_named(child_environment: dict[str, str]) -> None:
    program = "from django.conf import settings; print('127.0.0.1' in settings.ALLOWED_HOSTS)"
    environment = {**child_environment, "ALLOWED_HOSTS": "cameras.example.org"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.one_engine
def test_every_service_of_compose_runs_a_command_that_exists() -> None:
    known = get_commands()
    started = {service: content.get("command", []) for service, content in compose()["services"].items()}
    managed = {service: command[2] for service, command in started.items() if command[:2] == ["python", "manage.py"]}
    assert {service: command for service, command in managed.items() if command not in known} == {}
    assert managed.keys() == {"migrate", "web", "stream", "watcher", "detector", "analyser", "notifier", "housekeeping"}


@pytest.mark.one_engine
def test_compose_sets_only_settings_that_exist() -> None:
    from hsi.config.options import SETTINGS

    given = {variable for content in compose()["services"].values() for variable in content.get("environment", {})}
    known = {setting.name for setting in SETTINGS} | set(re.findall(r"\{\$(\w+)", (ROOT / "Caddyfile").read_text()))
    assert {one for one in given - known if not one.startswith("POSTGRES_")} == set()


# What compose.yaml sets for each container itself, so that .env cannot.
SET_BY_COMPOSE = {
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HSI_DATA_DIR", "FOSCAM_BASE_PATH", "API_HOST", "API_PORT",
    "TRUSTED_PROXY_IPS",
}  # fmt: skip


@pytest.mark.one_engine
def test_every_setting_in_the_file_reaches_every_container_of_compose() -> None:
    from hsi.config.options import SETTINGS

    ours = {service: content for service, content in compose()["services"].items() if "build" in content}
    assert len(ours) == 8
    for service, content in ours.items():
        assert content["env_file"] == [".env"], service
        assert content["environment"].keys() == SET_BY_COMPOSE, service
    # The page of settings lists the values that compose.yaml sets, because they cannot be changed in .env.
    text = (ROOT / "docs" / "configuration.md").read_text()
    paragraph = next(part for part in text.split("\n\n") if "`compose.yaml` sets" in part)
    assert set(re.findall(r"`([A-Z_]+)`", paragraph)) >= SET_BY_COMPOSE
    assert {setting.name for setting in SETTINGS} >= SET_BY_COMPOSE


@pytest.mark.one_engine
def test_compose_has_no_default_for_a_secret() -> None:
    text = (ROOT / "compose.yaml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|API_KEY)\w*)([^}]*)\}", text)
    assert {variable for variable, default in secrets if not default.startswith(":?") and default != ":-"} == set()
    assert {"POSTGRES_PASSWORD", "SECRET_KEY"} <= {
        variable for variable, default in secrets if default.startswith(":?")
    }


@pytest.mark.one_engine
def test_a_part_of_compose_waits_only_for_parts_that_exist() -> None:
    services = compose()["services"]
    for service, content in services.items():
        assert set(content.get("depends_on", {})) <= set(services), service
        if "build" in content and service not in {"web", "stream"}:
            assert content["healthcheck"] == {"disable": True}, service


@pytest.mark.one_engine
def test_the_example_environment_names_only_what_is_read() -> None:
    from hsi.config.options import SETTINGS

    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    read = {setting.name for setting in SETTINGS} | set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert named - read == set()
    assert "POSTGRES_PASSWORD" in named

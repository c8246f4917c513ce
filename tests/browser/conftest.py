"""One server for the tests of a module, and whoever looks after the house, on two screens or all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from tests import factories
from tests.browser.chromium import Visit
from tests.browser.screens import ACTED_ON, Screen, is_clean, on, signed_in
from tests.browser.site import Site, site


@pytest.fixture(scope="module")
def house_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, house_folder: Path, django_db_setup: None) -> Iterator[Site]:
    """The product's own, with the `ENVIRONMENT` of the module, on rows that each test begins anew."""
    with site(house_folder, **getattr(request.module, "ENVIRONMENT", {})) as running:
        yield running


@pytest.fixture
def data_dir(settings: Any, house_folder: Path) -> Path:
    """The server's data folder, emptied, with an empty `cameras` folder that is the camera root."""
    for part in house_folder.iterdir():
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    (house_folder / "cameras").mkdir()
    settings.DATA_DIR, settings.CAMERA_ROOT = house_folder, house_folder / "cameras"
    return house_folder


@pytest.fixture(params=ACTED_ON, ids=str)
def screen(request: pytest.FixtureRequest) -> Screen:
    found: Screen = request.param
    return found


@pytest.fixture
def boss() -> User:
    number_content_types()
    return factories.admin("boss")


def number_content_types() -> None:
    """By their names: the server remembers the numbers, and each test's end makes new ones."""
    names = sorted(ContentType.objects.values_list("app_label", "model"))
    ContentType.objects.all().delete()
    numbered = enumerate(names, start=1)
    ContentType.objects.bulk_create(ContentType(pk=pk, app_label=app, model=model) for pk, (app, model) in numbered)
    ContentType.objects.clear_cache()
    for app_config in apps.get_app_configs():
        create_permissions(app_config, verbosity=0)


@pytest.fixture
def visit(screen: Screen, server: Site, data_dir: Path, boss: User, open_page: Callable[..., Visit]) -> Iterator[Visit]:
    """The administrator `boss` at each of the screens of the test in turn. What goes wrong on a page fails the test."""
    visit = signed_in(on(screen, open_page, server.url), boss)
    yield visit
    assert is_clean(visit)

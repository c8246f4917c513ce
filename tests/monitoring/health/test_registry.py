"""Health checks come from the registry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from monitoring.health import registry
from monitoring.health.checks import NamedCheck
from tests import factories

pytestmark = pytest.mark.django_db


@dataclass
class Sees(NamedCheck):
    """A check that names the cameras of its scope."""

    name: str = "sees"


def test_a_registered_check_is_part_of_every_report_and_knows_its_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_factories", [*registry._factories])
    before = [check.name for check in registry.all_checks()]
    factories.camera("door")
    registry.register(lambda scope: [Sees(detail=f"{scope.is_everything} {list(scope.cameras)}")])
    reader = factories.user()
    assert [check.name for check in registry.all_checks()] == [*before, "sees"]
    assert registry.all_checks()[-1].detail == "True [<Camera: Door>]"
    assert registry.all_checks(reader)[-1].detail == "False []"

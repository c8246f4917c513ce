from __future__ import annotations

from django.core import checks


def test_every_name_in_the_description_is_chosen():
    """Names of enumerations and operations that collide get numbers, which change with each new field."""
    found = [one for one in checks.run_checks(include_deployment_checks=True) if "spectacular" in str(one.id)]
    assert found == []

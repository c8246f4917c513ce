"""What people are told of a make is what intake reads."""

from __future__ import annotations

import pytest

from cameras.intake import file_names
from cameras.vendors import BY_KEY, MAKES, OTHER, Make, choices, of_layout


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.key)
def test_the_example_of_a_make_is_read_as_that_make(make: Make):
    named = file_names.parse(make.example)
    assert named is not None
    assert (named.make, named.local.year) == (make.layout, 2024)


def test_every_layout_has_a_make():
    for name, _, _ in file_names._LAYOUTS:
        make = of_layout(name)
        assert make is not None
        assert make.layout == name
    assert of_layout("sundial") is None


def test_what_to_enter_names_the_folder_as_it_is():
    folder = "{host} 50% off"  # a folder may be called anything
    assert OTHER.path(folder, "house") == f"/{folder}"
    assert BY_KEY["foscam"].path("door", "fe80::1") == "ftp://[fe80::1]/door"
    assert len(choices()) == len(MAKES) == len(BY_KEY) - 1

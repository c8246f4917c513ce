"""What people are told of a vendor is what intake reads."""

from __future__ import annotations

import pytest

from cameras.naming import file_names
from cameras.vendors import OTHER_VENDOR, VENDORS, VENDORS_BY_KEY, Vendor, choices, vendor_for_pattern


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)
def test_the_example_of_a_vendor_follows_the_pattern_of_that_vendor(vendor: Vendor):
    named = file_names.parse(vendor.example)
    assert named is not None
    assert (named.pattern, named.local.year) == (vendor.pattern, 2024)


def test_every_pattern_has_a_vendor():
    for name, _, _ in file_names._PATTERNS:
        vendor = vendor_for_pattern(name)
        assert vendor is not None
        assert vendor.pattern == name
    assert vendor_for_pattern("sundial") is None


def test_what_to_enter_names_the_folder_as_it_is():
    folder = "{host} 50% off"  # a folder may be called anything
    assert OTHER_VENDOR.path(folder, "house") == f"/{folder}"
    assert VENDORS_BY_KEY["foscam"].path("door", "fe80::1") == "ftp://[fe80::1]/door"
    assert len(choices()) == len(VENDORS) == len(VENDORS_BY_KEY) - 1

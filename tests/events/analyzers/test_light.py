from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from events.analyzers.light import SUNSET_DEGREES, Light, light_at, sun_elevation

pytestmark = pytest.mark.one_engine
BERLIN, TROMSO, SYDNEY = (52.52, 13.405), (69.65, 18.96), (-33.87, 151.21)
HOME = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "place", "degrees"),
    [  # from the library astral 3.2, without refraction
        (datetime(2024, 6, 21, 11, 0, tzinfo=UTC), BERLIN, 60.87),
        (datetime(2024, 12, 21, 11, 0, tzinfo=UTC), BERLIN, 14.03),
        (datetime(2026, 3, 20, 17, 19, 10, tzinfo=UTC), BERLIN, -0.79),
        (datetime(2024, 6, 21, 22, 0, tzinfo=UTC), TROMSO, 3.46),
        (datetime(2030, 1, 1, 2, 0, tzinfo=UTC), SYDNEY, 79.13),
    ],
)
def test_the_sun_stands_where_astral_says(at: datetime, place: tuple[float, float], degrees: float):
    assert sun_elevation(at, *place) == pytest.approx(degrees, abs=0.02)


@pytest.mark.parametrize(
    ("local", "light"),
    [
        (datetime(2024, 6, 21, 12, 0, tzinfo=HOME), Light.DAY),
        (datetime(2024, 12, 21, 17, 0, tzinfo=HOME), Light.DAY),
        (datetime(2024, 6, 21, 22, 59, tzinfo=HOME), Light.DAY),
        (datetime(2024, 6, 21, 23, 0, tzinfo=HOME), Light.NIGHT),
        (datetime(2024, 6, 21, 4, 59, tzinfo=HOME), Light.NIGHT),
        (datetime(2024, 6, 21, 5, 0, tzinfo=HOME), Light.DAY),
    ],
)
def test_without_coordinates_it_is_night_from_23_to_5(local: datetime, light: Light):
    assert light_at(local) is light


@pytest.mark.parametrize(
    ("local", "light"),
    [
        (datetime(2024, 12, 21, 15, 40, tzinfo=HOME), Light.DAY),
        (datetime(2024, 12, 21, 16, 10, tzinfo=HOME), Light.DARK),
        (datetime(2024, 12, 21, 8, 0, tzinfo=HOME), Light.DARK),
        (datetime(2024, 6, 21, 21, 20, tzinfo=HOME), Light.DAY),
        (datetime(2024, 6, 21, 22, 0, tzinfo=HOME), Light.DARK),
        (datetime(2024, 6, 21, 4, 55, tzinfo=HOME), Light.NIGHT),  # the sun is up, and people sleep
        (datetime(2024, 12, 21, 23, 30, tzinfo=HOME), Light.NIGHT),
    ],
)
def test_with_coordinates_the_sun_decides_at_the_other_hours(settings, local: datetime, light: Light):
    settings.LATITUDE, settings.LONGITUDE = map(str, BERLIN)
    assert light_at(local) is light


def test_a_place_without_sunset_has_light_all_evening(settings):
    settings.LATITUDE, settings.LONGITUDE = map(str, TROMSO)
    assert light_at(datetime(2024, 6, 21, 22, 30, tzinfo=HOME)) is Light.DAY
    assert light_at(datetime(2024, 12, 21, 12, 0, tzinfo=HOME)) is Light.DARK
    assert sun_elevation(datetime(2024, 6, 21, 23, 0, tzinfo=UTC), *TROMSO) > SUNSET_DEGREES

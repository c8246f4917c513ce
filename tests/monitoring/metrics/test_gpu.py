from __future__ import annotations

from datetime import timedelta
from typing import Any

import pynvml
import pytest
from django.test import Client
from django.utils import timezone

from hsi.models import StreamMessage
from monitoring.metrics import gpu
from monitoring.metrics.gpu import Card, NoGpuError, Poller
from monitoring.models import GpuSample
from tests import factories

pytestmark = pytest.mark.django_db

CARD = Card(0, "a card", 40, 5, 10, 60, 120.5)


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)


def test_a_machine_without_a_driver_says_so(no_driver: None, client: Client):
    client.force_login(factories.admin())
    answer = client.get("/api/system/gpu")
    assert answer.json() == {"available": False, "reason": "There is no NVIDIA driver on this machine.", "cards": []}


def test_without_a_card_the_poller_looks_seldom_and_writes_nothing(no_driver: None):
    poller = Poller()
    assert poller.poll() == 0
    assert poller.wait_seconds() > 30
    assert not GpuSample.objects.exists()


def test_each_card_is_sampled_in_its_time(client: Client, settings: Any):
    poller = Poller(lambda: [CARD, Card(1, "another", None, None, None, None, None)])
    assert poller.poll() == 2
    assert poller.poll() == 0  # not due yet
    assert 0 < poller.wait_seconds() <= settings.GPU_POLL_INTERVAL_SECONDS
    client.force_login(factories.admin())
    answer = client.get("/api/system/gpu").json()
    assert (answer["available"], answer["reason"]) == (True, None)
    assert [card["power_watts"] for card in answer["cards"]] == [120.5, None]
    told = StreamMessage.objects.get()
    assert (told.type, told.data) == ("gpu.stats", {"cards": answer["cards"]})


def test_cards_that_nobody_asked_for_a_while_are_not_shown(client: Client, monkeypatch: pytest.MonkeyPatch):
    Poller(lambda: [CARD]).poll(timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(gpu, "read", lambda: [CARD])
    client.force_login(factories.admin())
    answer = client.get("/api/system/gpu").json()
    assert answer["cards"] == []
    assert "housekeeping" in answer["reason"]


class Nvml:
    """What stands for the library: one card, which measures no power."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        def unsupported(*arguments: Any) -> None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

        use = type("Use", (), {"gpu": 7})()
        memory = type("Memory", (), {"used": 1, "total": 2})()
        self.shut_down = 0
        answers: dict[str, Any] = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": self.close,
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetName": lambda card: "NVIDIA T1",
            "nvmlDeviceGetMemoryInfo": lambda card: memory,
            "nvmlDeviceGetUtilizationRates": lambda card: use,
            "nvmlDeviceGetPowerUsage": unsupported,
            "nvmlDeviceGetTemperature": lambda card, sensor: 55,
        }
        for name, answer in answers.items():
            patch.setattr(pynvml, name, answer)

    def close(self) -> None:
        self.shut_down += 1


def test_what_a_card_does_not_measure_is_unknown(monkeypatch: pytest.MonkeyPatch):
    nvml = Nvml(monkeypatch)
    assert gpu.read() == [Card(0, "NVIDIA T1", 7, 1, 2, 55, None)]
    assert nvml.shut_down == 1


def test_a_driver_without_cards_is_no_error(monkeypatch: pytest.MonkeyPatch):
    Nvml(monkeypatch)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    with pytest.raises(NoGpuError, match="no card"):
        gpu.read()

"""Connections that are tried when somebody asks, with real servers behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from monitoring.pages import connections
from tests.engines.process import free_port

pytestmark = pytest.mark.django_db


def lets_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == b"right", handled=False)


@pytest.fixture
def mail_server(settings: Any) -> Any:
    controller = Controller(
        object(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=lets_in,
        auth_require_tls=False,
        auth_exclude_mechanism=["LOGIN"],
    )
    controller.start()
    settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_USE_TLS = "127.0.0.1", controller.port, False
    yield controller
    controller.stop()


def test_what_is_not_set_up_is_not_offered(settings: Any):
    settings.REDIS_URL = settings.SMTP_HOST = ""
    assert not {"redis", "mail"} & set(connections.offered())


def test_a_mail_server_is_connected_to_and_signed_in_at(settings: Any, mail_server: Any):
    settings.SMTP_USER, settings.SMTP_PASSWORD = "hsi", "right"
    assert connections.try_out("mail")["mail"].words == "127.0.0.1 responds and accepts the login."
    settings.SMTP_PASSWORD = "wrong"
    trial = connections.try_out("mail")["mail"]
    assert trial.tone == "warn"
    assert trial.words.startswith("The mail server does not accept SMTP_USER (535).")
    settings.SMTP_USER, settings.SMTP_USE_TLS = "", True
    assert connections.try_out("mail")["mail"].words.startswith("The mail server cannot be used")


def test_a_mail_server_that_is_not_there_is_said_to_be(settings: Any):
    settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", free_port()
    assert connections.try_out("mail")["mail"].words.startswith("The mail server cannot be used")


def test_all_are_tried_unless_one_is_named(data_dir: Path, settings: Any):
    settings.CAMERA_ROOT.mkdir(exist_ok=True)
    trials = connections.try_out("none of them")
    assert set(trials) == set(connections.offered())
    wanted = ("database", "data_folder", "camera_folder")
    assert {name: trials[name].tone for name in wanted} == dict.fromkeys(wanted, "good")


def test_a_data_folder_that_takes_nothing_is_told(settings: Any):
    settings.DATA_DIR = Path("/proc")
    assert connections.try_out("data_folder")["data_folder"].words.startswith("The data folder is not writable.")

from __future__ import annotations

from contextlib import nullcontext

import pytest

from hsi.management.commands.up import Command


@pytest.mark.one_engine
@pytest.mark.parametrize(("get_model", "called"), [(True, ["migrate", "get_model"]), (False, ["migrate"])])
def test_a_model_is_fetched_after_the_migrations_where_this_is_asked_for(monkeypatch, get_model, called):
    commands = []
    monkeypatch.setattr("hsi.management.commands.up.call_command", lambda name, **options: commands.append(name))
    monkeypatch.setattr("hsi.management.commands.up.sqlite_file.sound_database", lambda folder: nullcontext())
    monkeypatch.setattr("hsi.management.commands.up.web.claim_port", lambda host, port: None)
    monkeypatch.setattr("hsi.management.commands.up.web.serve", lambda host, port, loops: None)
    monkeypatch.setattr("hsi.management.commands.up.private_files.tighten", lambda: None)
    monkeypatch.setattr("hsi.management.commands.up.database.alone", lambda: None)
    monkeypatch.setattr("hsi.management.commands.up.runner.embedded_loops", list)
    for step in ("_first_administrator", "check", "_greet"):
        monkeypatch.setattr(Command, step, lambda self, *args, **options: None)
    Command()._run("127.0.0.1", 0, get_model=get_model)
    assert commands == called

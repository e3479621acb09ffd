"""The doctor of the program that runs: it uses the connection of the work, and knows what was read at the start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mqi_tui.config import Config
from mqi_tui.domain.errors import TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import CommandResult
from mqi_tui.workflow.doctor import Check, Outcome, check_up, check_up_running
from mqi_tui.workflow.engine import Engine
from tests.support.site import Site
from tests.support.ssh_server import ssh_server


class OwnTransport(LocalTransport):
    """The one of the program: it is used, and stays open."""

    def __init__(self, *, is_away: bool = False) -> None:
        super().__init__()
        self.is_away = is_away
        self.commands = 0
        self.is_closed = False

    async def run(self, arguments: Sequence[str], *, timeout: float = 60.0) -> CommandResult:
        self.commands += 1
        if self.is_away:
            raise TransientError("hpc.clinic.example: no route to host.")
        return await super().run(arguments, timeout=timeout)

    async def aclose(self) -> None:
        self.is_closed = True


async def running(config: Config, transport: LocalTransport) -> dict[str, Check]:
    return {check.name: check async for check in check_up_running(config, transport)}


async def test_it_looks_at_all_that_the_command_looks_at_and_closes_nothing(site: Site) -> None:
    transport = OwnTransport()
    checks = await running(site.config, transport)
    assert list(checks) == [check.name async for check in check_up(site.config_path)]
    assert transport.commands > 5
    assert not transport.is_closed
    assert checks["config"].outcome is Outcome.OK


async def test_an_outage_is_told(site: Site) -> None:
    checks = await running(site.config, OwnTransport(is_away=True))
    assert "no route to host" in checks["HPC connection"].sentence
    assert checks["remote_root"].outcome is Outcome.SKIPPED


async def test_nobody_logs_in_a_second_time_over_ssh(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with ssh_server(tmp_path / "server") as server:
        server.trust()
        ssh = server.settings().model_dump(mode="json")
        site.configure(hpc={"transport": "ssh", "remote_root": str(site.remote), "python": sys.executable, "ssh": ssh})
        async with Engine.open(site.config) as engine:
            await engine.first_scan()
            checks = {check.name: check async for check in engine.check_up()}
            again = [check.name async for check in engine.check_up()]
        assert server.behaviour.logins == 1
    assert "answers in" in checks["HPC connection"].sentence
    assert [check for check in checks.values() if check.outcome is Outcome.FAILED] == []
    assert list(checks) == again


async def test_a_config_that_has_changed_since_the_start_is_said(site: Site) -> None:
    config = site.config
    site.configure(max_workers=7)
    check = (await running(config, OwnTransport()))["config"]
    assert check.outcome is Outcome.WARNING
    assert "has changed since the start" in check.sentence
    assert "start again" in check.remedy


async def test_a_config_that_was_damaged_since_the_start_fails_and_the_rest_is_looked_at(site: Site) -> None:
    config = site.config
    site.config_path.write_text("max_workers: 0\nmax_depth: 1\n")
    checks = await running(config, OwnTransport())
    assert checks["config"].outcome is Outcome.FAILED
    assert f"{site.config_path}:1" in checks["config"].sentence
    assert "(and 1 more)" in checks["config"].sentence
    assert checks["HPC connection"].outcome is Outcome.OK

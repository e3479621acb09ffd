"""The connection test of the set-up: against a real cluster, and against what refuses or asks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mqi_tui.domain.questions import QuestionKind
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.ui.screens.ask import AskScreen
from mqi_tui.ui.setup import connection
from mqi_tui.ui.setup.connection import ConnectionScreen
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.setup.form import FormScreen
from mqi_tui.workflow.doctor import Check, Outcome
from tests.cluster.cluster import Cluster
from tests.support.screens import MIDDLE
from tests.support.set_up import SetUp, set_up


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site" / "config.yaml"


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """Taken, so that nobody else listens there, and not listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def start_test(stage: SetUp, values: dict[str, str], place: Place = Place.SLURM) -> None:
    await stage.choose(place)
    await stage.fill({"hpc.ssh.host": "127.0.0.1", "hpc.remote_root": "/scratch/me"} | values)
    await stage.press("f2")
    await stage.until(lambda: isinstance(stage.app.screen_stack[-1], ConnectionScreen | AskScreen))


def all_lines(stage: SetUp) -> list[str]:
    """Also those that are scrolled out of sight."""
    return [str(line.render()) for line in stage.app.screen.query(".check")]


async def test_a_port_that_refuses_is_said_with_its_remedy_and_nothing_is_written(
    path: Path, refusing_port: int
) -> None:
    async with set_up(path) as stage:
        await start_test(stage, {"hpc.ssh.port": str(refusing_port)})
        await stage.until(lambda: "1 failed" in stage.text)
        failed = [line for line in all_lines(stage) if line.startswith("✗")]
        assert len(failed) == 1
        assert "HPC connection: HPC unreachable" in failed[0]
        assert "\n  → correct hpc.transport and hpc.ssh, or try ssh by hand" in failed[0]
        assert any(line.startswith("- skipped Slurm commands: not looked at") for line in all_lines(stage))
        await stage.press("escape")
        assert isinstance(stage.app.screen, FormScreen)
        assert stage.rows["hpc.ssh.port"].input.value == str(refusing_port)
    assert not path.parent.exists()


@pytest.mark.cluster
async def test_a_cluster_is_asked_about_its_key_tested_and_can_be_left_to_write(
    cluster: Cluster, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # Where ~/.ssh/known_hosts is: the host is not known there yet.
    monkeypatch.setenv("HOME", str(home))
    root = tmp_path / "scratch"
    values = {
        "hpc.ssh.host": cluster.ssh_host,
        "hpc.ssh.port": str(cluster.ssh_port),
        "hpc.ssh.user": cluster.ssh_user,
        "hpc.ssh.identity_files": str(cluster.client_key),
        "hpc.remote_root": str(root),
    }
    async with set_up(path, MIDDLE) as stage:
        await start_test(stage, values)
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        assert "SHA256:" in stage.text
        await stage.press("y")
        await stage.until(lambda: isinstance(stage.app.screen, ConnectionScreen) and "checks: " in stage.text)
        lines = all_lines(stage)
        assert not [line for line in lines if line.startswith(("✗", "-"))], lines
        for name in ("HPC connection", "remote_root", "Slurm controller", "Slurm options", "gres"):
            assert any(f" {name}: " in line for line in lines), lines
        await stage.press("escape")
        assert isinstance(stage.app.screen, FormScreen)
    assert (home / ".ssh" / "known_hosts").exists()
    assert not path.parent.exists()


@pytest.mark.cluster
async def test_a_partition_that_slurm_does_not_know_is_said_before_anything_is_written(
    cluster: Cluster, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(cluster.known_hosts.read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    values = {
        "hpc.ssh.host": cluster.ssh_host,
        "hpc.ssh.port": str(cluster.ssh_port),
        "hpc.ssh.user": cluster.ssh_user,
        "hpc.ssh.identity_files": str(cluster.client_key),
        "hpc.remote_root": str(tmp_path / "scratch"),
        "hpc.slurm.partition": "nowhere",
    }
    async with set_up(path, MIDDLE) as stage:
        await start_test(stage, values)
        await stage.until(lambda: "checks: " in stage.text)
        failed = [line for line in all_lines(stage) if line.startswith("✗")]
        assert any("Slurm options: Slurm would not take a job" in line for line in failed), failed


class Doctor:
    """Stands in for the checks: asks for a password, and is told when it is let go."""

    def __init__(self) -> None:
        self.answers: list[str | None] = []
        self.has_ended = asyncio.Event()

    async def check(self, _: object, questions: QuestionBoard) -> AsyncIterator[Check]:
        try:
            yield Check("[/red]", Outcome.WARNING, "said [bold]\x1b[2J", "do [/this]")
            answer = await questions.ask(QuestionKind.SECRET, "Password", "of [hpc]", without_audience="nobody")
            self.answers.append(answer)
            yield Check("answered", Outcome.OK, "so it is")
            await asyncio.Event().wait()
        finally:
            self.has_ended.set()


@asynccontextmanager
async def with_doctor(doctor: Doctor, path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SetUp]:
    monkeypatch.setattr(connection, "check_connection", doctor.check)
    async with set_up(path) as stage:
        await start_test(stage, {})
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        yield stage


async def test_a_password_is_asked_for_and_the_test_ends_when_it_is_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor = Doctor()
    async with with_doctor(doctor, path, monkeypatch) as stage:
        assert "of [hpc]" in stage.text
        await stage.press(*"geheim", "enter")
        await stage.until(lambda: "answered" in stage.text)
        assert doctor.answers == ["geheim"]
        assert "! warning [/red]: said [bold]�[2J" in stage.text
        assert "→ do [/this]" in stage.text
        assert "testing …" in stage.text
        await stage.press("escape")
        await stage.until(doctor.has_ended.is_set)
        assert isinstance(stage.app.screen, FormScreen)


async def test_leaving_the_program_during_a_question_ends_the_test(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = Doctor()
    async with with_doctor(doctor, path, monkeypatch) as stage:
        await stage.press("ctrl+q")
        await stage.until(lambda: not stage.app.is_running)
    assert doctor.has_ended.is_set()
    assert doctor.answers == []
    assert not path.parent.exists()


async def test_the_embedded_place_has_no_connection_to_test(path: Path) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.EMBEDDED)
        await stage.press("f2")
        assert isinstance(stage.app.screen, FormScreen)

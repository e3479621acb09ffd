"""What Slurm's accounting says of jobs that the controller has forgotten, on a real cluster that keeps them briefly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mqi_tui.config import SlurmSettings
from mqi_tui.hpc.protocols import JobReport, JobSpec, JobState
from mqi_tui.hpc.slurm.scheduler import SlurmScheduler
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.cluster.layout import ClusterOptions
from tests.support.counting import CountingTransport
from tests.support.jobs import reference, shell, until, until_it, write_job

pytestmark = pytest.mark.cluster


@pytest.fixture
def forgetful() -> Iterator[Cluster]:
    """A cluster with accounting, whose controller forgets a job two seconds after its end."""
    with temporary_cluster(accounting=True, options=ClusterOptions(min_job_age_seconds=2)) as cluster:
        yield cluster


def a_job(folder: Path, name: str, line: str) -> JobSpec:
    return replace(write_job(folder / name, shell(line), token=f"token-{name}"), name=f"moqui_{name}", beam_id=name)


async def test_how_forgotten_jobs_ended_is_in_accounting(
    forgetful: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in forgetful.environment.items():
        monkeypatch.setenv(name, value)
    transport = CountingTransport()
    scheduler = SlurmScheduler(
        transport, SlurmSettings(), settle_seconds=0.5, sbatch_grace_seconds=0.5, absence_seconds=1.0
    )
    jobs = {name: a_job(tmp_path / "a b|c", name, line) for name, line in [("done", "true"), ("stopped", "sleep 60")]}
    ids = {name: await scheduler.submit(job) for name, job in jobs.items()}
    await until((tmp_path / "a b|c/stopped/claim/place").exists, "it computes")
    forgetful.run("scancel", ids["stopped"])
    await until(
        lambda: {"COMPLETED", "CANCELLED"} <= set(forgetful.run("sacct", "-nXo", "State%30").stdout.split()),
        "accounting knows how both ended",
        60.0,
    )
    await until(
        lambda: not forgetful.run("squeue", "-h", "-t", "all").stdout, "the controller has forgotten both", 60.0
    )

    references = [reference(job, ids[name]) for name, job in jobs.items()]
    reports: dict[str, JobReport] = {}

    async def are_settled() -> bool:
        transport.commands.clear()
        reports.update(await scheduler.poll(references))
        return {report.state for report in reports.values()} == {JobState.GONE}

    await until_it(are_settled, "both are settled", 30.0)
    assert transport.status_commands == 3
    assert reports["token-done"] == JobReport(JobState.GONE)
    assert "cancelled in Slurm, outside this program" in reports["token-stopped"].reason
    assert reports["token-stopped"].is_final

    # A job that left no claim is found by its name and its folder.
    for path in (tmp_path / "a b|c/done/claim").iterdir():
        path.unlink()
    (tmp_path / "a b|c/done/claim").rmdir()
    async with asyncio.timeout(10.0):
        assert await scheduler.find(jobs["done"]) == ids["done"]

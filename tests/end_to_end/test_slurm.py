"""The program on a login node of a real Slurm cluster (local x slurm): from machine logs to verified dose files."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.tps_input import TpsInput
from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.site import Site, all_beams, wait_for, wait_until

pytestmark = pytest.mark.cluster

ENGINE = (
    "import sys, time, runpy; from pathlib import Path; folder = Path(sys.argv[1]).parent; "
    "(folder / 'computed').open('a').write('once\\n'); "
    "[time.sleep(0.05) for _ in range(6000) if (Path({hold!r}) / 'hold').exists()]; "
    "runpy.run_module('mqi_tui.builtin.simulation', run_name='__main__', alter_sys=True)"
)
"""The built-in engine; it notes that it began, and waits while there is a file `hold` in the given folder."""


@pytest.fixture
def slurm_site(site: Site, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    configure(site)
    return site


def configure(site: Site, *, retry: Mapping[str, float] | None = None, **hpc: Any) -> None:
    engine = ENGINE.format(hold=str(site.folder)).replace("{", "{{").replace("}", "}}")
    settings: dict[str, Any] = {
        "hpc": {"scheduler": "slurm", **hpc},
        "engine": {"command": ["{python}", "-c", engine, "{tps_file}"]},
        "max_workers": 8,
    }
    site.configure(**settings, **({"retry": retry} if retry else {}))


def hold(site: Site) -> Path:
    path = site.folder / "hold"
    path.touch()
    return path


def computed(site: Site) -> dict[str, str]:
    return {path.parent.parent.name: path.read_text() for path in site.remote.rglob("run-*/computed")}


def statuses(snapshot: EngineSnapshot) -> list[BeamStatus]:
    return [beam.status for beam in all_beams(snapshot)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_three_cases_are_completed_by_one_job_a_beam(slurm_site: Site, cluster: Cluster) -> None:
    slurm_site.add_cases(3, beams=2, layers=3)
    answer = slurm_site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 0, answer.stdout + answer.stderr

    beams = slurm_site.beams()
    assert {beam["status"] for beam in beams.values()} == {"completed"}
    assert computed(slurm_site) == dict.fromkeys(beams, "once\n")
    known = cluster.run("squeue", "-h", "-t", "all", "-o", "%A %T %j %k").stdout
    for beam_id, beam in beams.items():
        assert re.search(
            rf"^{beam['hpc_job_id']} COMPLETED moqui_{beam_id} mqi-job:\S+ {beam_id}$", known, re.MULTILINE
        )
        (remote,) = slurm_site.remote.rglob(beam_id)
        (raw,) = remote.glob("run-001/*.raw")
        assert sha256(raw) == sha256(Path(beam["result_path"]))
        assert TpsInput.read(remote / "run-001" / "moqui_tps.in").get("GPUID") == "0"
        assert list(remote.glob("*.csv"))
    assert len(re.findall(r"computed .* on node1, GPU [0-7]", answer.stdout)) == 6


async def test_a_beam_says_what_its_job_waits_for_and_where_it_computes(slurm_site: Site) -> None:
    # A job that takes every CPU of the node lets the next one wait.
    configure(slurm_site, gpu_count=1, slurm={"cpus": 16, "queue_ahead": 1})
    slurm_site.add_cases(1, beams=3, layers=3)
    released = hold(slurm_site)
    async with slurm_site.engine(auto_dispatch=True) as engine:

        def is_told(snapshot: EngineSnapshot) -> bool:
            details = [beam.detail for beam in all_beams(snapshot)]
            waits = r"waits in the scheduler's queue \((Resources|Priority)\), expected to start at .*\d\d:\d\d UTC"
            return (
                any(re.fullmatch(r"on node1, GPU [0-7]", detail) for detail in details)
                and any(re.fullmatch(waits, detail) for detail in details)
                and statuses(snapshot).count(BeamStatus.HPC_QUEUED) == 1
            )

        snapshot = await wait_for(engine, is_told)
        assert len(snapshot.gpus) == 2
        released.unlink()
        await wait_for(engine, lambda snapshot: snapshot.is_idle and snapshot.all_completed)


async def test_a_job_that_a_person_cancels_fails_its_beam_and_retry_goes_on(slurm_site: Site, cluster: Cluster) -> None:
    slurm_site.add_cases(1, beams=2, layers=3)
    released = hold(slurm_site)
    async with slurm_site.engine(auto_dispatch=True) as engine:
        await wait_until(lambda: len(computed(slurm_site)) == 2)
        await wait_for(engine, lambda snapshot: all(beam.hpc_job_id for beam in all_beams(snapshot)))
        victim = all_beams(engine.snapshot)[0]
        assert victim.hpc_job_id is not None
        cluster.run("scancel", victim.hpc_job_id)
        snapshot = await wait_for(engine, lambda snapshot: BeamStatus.FAILED in statuses(snapshot))
        failed = snapshot.beam(victim.beam_id)
        assert failed is not None
        assert failed.error is not None
        assert "cancelled in Slurm, outside this program" in failed.error
        assert statuses(snapshot).count(BeamStatus.HPC_RUNNING) == 1

        released.unlink()
        await engine.retry(victim.beam_id)
        await wait_for(engine, lambda snapshot: snapshot.is_idle and snapshot.all_completed)


async def test_a_beam_that_is_cancelled_ends_its_job_while_it_computes_and_while_it_waits(
    slurm_site: Site, cluster: Cluster
) -> None:
    configure(slurm_site, gpu_count=1, slurm={"cpus": 16, "queue_ahead": 1})
    slurm_site.add_cases(1, beams=2, layers=3)
    hold(slurm_site)
    async with slurm_site.engine(auto_dispatch=True) as engine:
        await wait_for(
            engine,
            lambda snapshot: len(statuses(snapshot)) == 2 and all(beam.hpc_job_id for beam in all_beams(snapshot)),
        )
        await wait_until(lambda: len(computed(slurm_site)) == 1)
        await engine.cancel_case(engine.snapshot.cases[0].case_id)
        await wait_for(engine, lambda snapshot: set(statuses(snapshot)) == {BeamStatus.CANCELLED})
        assert cluster.run("squeue", "-h").stdout == ""
        assert {gpu.beam_id for gpu in engine.snapshot.gpus} == {None}


async def test_while_the_controller_is_away_nothing_fails_and_all_goes_on_when_it_is_back(
    slurm_site: Site, cluster: Cluster
) -> None:
    slurm_site.add_cases(2, beams=3, layers=3)
    released = hold(slurm_site)
    # Pauses that grow as long as the default's: what ends the last one early is the controller's return.
    retry = {"first_pause_seconds": 8, "longest_pause_seconds": 60}
    configure(slurm_site, retry=retry, gpu_count=3, slurm={"queue_ahead": 0})
    async with slurm_site.engine(auto_dispatch=True) as engine:
        await wait_until(lambda: len(computed(slurm_site)) == 3)
        await wait_for(engine, lambda snapshot: sum(beam.hpc_job_id is not None for beam in all_beams(snapshot)) == 3)
        cluster.stop(Daemon.CTLD)
        # The three that compute come to their end meanwhile, the three that wait are about to be submitted.
        released.unlink()
        await wait_for(engine, lambda snapshot: "HPC unreachable since" in snapshot.notice)
        await wait_for(engine, lambda snapshot: statuses(snapshot).count(BeamStatus.COMPLETED) == 3)
        await wait_for(engine, lambda snapshot: any("held up since" in beam.detail for beam in all_beams(snapshot)))
        assert BeamStatus.FAILED not in statuses(engine.snapshot)
        cluster.start(Daemon.CTLD)
        returned = time.monotonic()
        await wait_for(engine, lambda snapshot: snapshot.is_idle and snapshot.all_completed)
        # Half a minute, and what the last three take to compute.
        assert time.monotonic() - returned < 30.0 + 6.0
        assert engine.snapshot.notice == ""
        assert {beam.attempt for beam in all_beams(engine.snapshot)} == {1}
        assert set(computed(slurm_site).values()) == {"once\n"}

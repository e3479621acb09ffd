"""Outages while beams run: none fails, none counts as finished while it runs, all complete soon after the return.

MQI_TUI_OUTAGE_SECONDS sets how long each outage lasts (8 by default).
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.clusters import hpc_settings
from tests.support.site import Site, all_beams, wait_for

pytestmark = pytest.mark.cluster

OUTAGE_SECONDS = float(os.environ.get("MQI_TUI_OUTAGE_SECONDS", "8"))
RETURN_SECONDS = 30.0
RUN_SECONDS = 6.0
ENGINE = (
    "import runpy, sys, time; time.sleep({seconds}); "
    "runpy.run_module('mqi_tui.builtin.simulation', run_name='__main__', alter_sys=True)"
)


def statuses(snapshot: EngineSnapshot) -> list[BeamStatus]:
    return [beam.status for beam in all_beams(snapshot)]


def _computing(snapshot: EngineSnapshot) -> set[str]:
    return {beam.beam_id for beam in all_beams(snapshot) if beam.status is BeamStatus.HPC_RUNNING}


@pytest.mark.parametrize("daemon", [Daemon.CTLD, Daemon.SSHD])
async def test_an_outage_fails_nothing_and_all_goes_on_by_itself(site: Site, cluster: Cluster, daemon: Daemon) -> None:
    # The retry pauses are those of a clinic: what ends them early is the return.
    site.configure(
        hpc=hpc_settings(cluster, "ssh", "slurm", site.remote) | {"gpu_count": 3, "slurm": {"queue_ahead": 0}},
        engine={"command": ["{python}", "-c", ENGINE.replace("{seconds}", f"{RUN_SECONDS}"), "{tps_file}"]},
        retry={"first_pause_seconds": 1, "longest_pause_seconds": 60},
    )
    site.add_cases(2, beams=3, layers=3)
    async with site.engine(auto_dispatch=True) as engine:
        await wait_for(engine, lambda seen: statuses(seen).count(BeamStatus.HPC_RUNNING) == 3 and _all_submitted(seen))
        cluster.stop(daemon)
        gone = time.monotonic()
        away = await wait_for(engine, lambda seen: "unreachable since" in seen.notice)
        while time.monotonic() - gone < OUTAGE_SECONDS:
            assert BeamStatus.FAILED not in statuses(engine.snapshot)
            if daemon is Daemon.SSHD:
                # Nothing can be known of the jobs, so nothing is said to have ended.
                assert _computing(away) <= _computing(engine.snapshot)
            await asyncio.sleep(0.2)
        cluster.start(daemon)
        returned = time.monotonic()
        await wait_for(engine, _is_done(lambda seen: BeamStatus.FAILED not in statuses(seen)), seconds=240)
        # Of the six beams, three at most had still to compute, together.
        assert time.monotonic() - returned < RETURN_SECONDS + 2 * RUN_SECONDS
        assert {beam.attempt for beam in all_beams(engine.snapshot)} == {1}
        assert engine.snapshot.notice == ""
        told = [event.message for event in engine.snapshot.events if event.message.startswith("HPC ")]
        # A slow answer before or after it is told as an outage of its own.
        assert told
        assert len(told) % 2 == 0
        for gone_message, back_message in zip(told[::2], told[1::2], strict=True):
            assert re.fullmatch(r"HPC unreachable since \d\d:\d\d:\d\d UTC", gone_message)
            assert re.fullmatch(r"HPC reachable again after \d+ s", back_message)


async def test_what_a_job_did_when_it_was_last_seen_is_said_while_nobody_can_look(site: Site, cluster: Cluster) -> None:
    # A job that takes every CPU of the node lets the next one wait.
    site.configure(
        hpc=hpc_settings(cluster, "ssh", "slurm", site.remote)
        | {"gpu_count": 1, "slurm": {"cpus": 16, "queue_ahead": 1}},
        engine={"command": ["sleep", "600"]},
        retry={"first_pause_seconds": 0.2, "longest_pause_seconds": 0.4},
    )
    site.add_cases(1, beams=2, layers=3)

    def told(snapshot: EngineSnapshot) -> list[str]:
        return sorted(beam.word for beam in all_beams(snapshot))

    async with site.engine(auto_dispatch=True) as engine:
        await wait_for(engine, lambda seen: told(seen) == ["computing", "in HPC queue"] and _all_submitted(seen))
        cluster.stop(Daemon.SSHD)
        await wait_for(engine, lambda seen: all("held up since" in beam.detail for beam in all_beams(seen)))
        assert not any("held up while waiting for GPU" in event.message for event in engine.snapshot.events)
        gone = time.monotonic()
        # Both go back into their state again and again, and find nothing new.
        while time.monotonic() - gone < OUTAGE_SECONDS / 2:
            assert told(engine.snapshot) == ["computing", "in HPC queue"]
            await asyncio.sleep(0.1)
        cluster.start(Daemon.SSHD)
        await wait_for(engine, lambda seen: seen.notice == "" and told(seen) == ["computing", "in HPC queue"])
        for beam in all_beams(engine.snapshot):
            await engine.cancel_beam(beam.beam_id)
        await wait_for(engine, lambda seen: seen.is_idle)


def _all_submitted(snapshot: EngineSnapshot) -> bool:
    return all(beam.hpc_job_id for beam in all_beams(snapshot) if beam.status is BeamStatus.HPC_RUNNING)


def _is_done(never_broken: Callable[[EngineSnapshot], bool]) -> Callable[[EngineSnapshot], bool]:
    def check(snapshot: EngineSnapshot) -> bool:
        assert never_broken(snapshot), statuses(snapshot)
        return snapshot.is_idle and snapshot.all_completed

    return check

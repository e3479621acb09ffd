"""The line at the top: the state of the engine, the worst first, and which cluster it works on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mqi_tui.config import HpcSettings
from mqi_tui.ui.cluster import cluster_words
from tests.support.screens import LARGE, MIDDLE, SMALL, a_config, on_stage
from tests.support.scripted_engine import NOW, ScriptedEngine, a_beam, a_case, a_snapshot

SIZES = [SMALL, MIDDLE, LARGE]


@pytest.mark.parametrize("size", SIZES)
async def test_an_outage_is_said_with_its_beginning_and_goes_by_itself(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha")), unreachable_since=NOW))
    async with on_stage(engine, size) as stage:
        assert "UNREACHABLE since 10:41:07" in stage.lines[0]
        engine.publish(a_snapshot(a_case("alpha", a_beam("alpha"))))
        await stage.until(lambda: "► RUNNING" in stage.lines[0])


@pytest.mark.parametrize("size", SIZES)
async def test_a_picture_that_nobody_confirms_is_said_to_be_old(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha")), unreachable_since=NOW))
    async with on_stage(engine, size) as stage:
        assert "OLD" not in stage.lines[0]
        engine.silence = timedelta(seconds=14)
        await stage.until(lambda: "14 s" in stage.lines[0])
        assert "OLD" in stage.lines[0]
        engine.silence = timedelta(0)
        await stage.until(lambda: "UNREACHABLE" in stage.lines[0])


async def test_the_cluster_is_named_where_there_is_room_and_its_name_is_taken_literally() -> None:
    engine = ScriptedEngine(a_snapshot())
    ssh = {"host": "hpc[1].example \x1b[31m"}
    config = a_config(hpc={"transport": "ssh", "scheduler": "slurm", "remote_root": "/scratch", "ssh": ssh})
    async with on_stage(engine, MIDDLE, config=config) as stage:
        await stage.until(lambda: "hpc[1].example �[31m · Slurm" in stage.lines[0])


async def test_a_cluster_for_which_there_is_little_room_is_cut_and_comes_before_the_config() -> None:
    engine = ScriptedEngine(a_snapshot())
    ssh = {"host": "a-cluster-with-a-long-name.hospital.example.org"}
    config = a_config(hpc={"transport": "ssh", "scheduler": "slurm", "remote_root": "/scratch", "ssh": ssh})
    async with on_stage(engine, (100, 30), config=config) as stage:
        await stage.until(lambda: "a-clus" in stage.lines[0])
        assert "…" in stage.lines[0]
        assert "yaml" not in stage.lines[0]


def test_a_cluster_in_words() -> None:
    assert cluster_words(HpcSettings()) == "this machine"
    assert cluster_words(HpcSettings(scheduler="slurm")) == "this machine · Slurm"
    ssh = {"transport": "ssh", "remote_root": "/scratch/x", "ssh": {"host": "hpc.example.org"}}
    assert cluster_words(HpcSettings.model_validate(ssh)) == "hpc.example.org"
    assert cluster_words(HpcSettings.model_validate(ssh | {"scheduler": "slurm"})) == "hpc.example.org · Slurm"

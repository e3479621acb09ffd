"""The whole log of an attempt, saved into a file of its own."""

from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path

import pytest

from mqi_tui.domain.errors import InputError, TransientError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.local_files import make_private_file
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.workflow import log_saving
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.states.download import LOCAL_LOG
from tests.workflow.support import COMPUTING, DOSE, QuickSite, until_status

LINES = "".join(f"line {number} of the log\n" for number in range(2_000))


@pytest.fixture
def site(quick: QuickSite, monkeypatch: pytest.MonkeyPatch) -> QuickSite:
    """Its engine prints 2,000 lines; they are saved in several pieces."""
    monkeypatch.setattr(log_saving, "_PIECE", 10_000)
    (quick.site.folder / "printed").write_text(LINES)
    quick.configure(engine=f"cat {quick.site.folder}/printed; {DOSE} >dose.raw")
    return quick


async def _completed(engine: Engine, site: QuickSite) -> BeamRecord:
    (beam_id,) = site.beam_ids(site.add_case())
    return await until_status(engine, beam_id, BeamStatus.COMPLETED)


async def _save(engine: Engine, beam: BeamRecord, target: Path, *, replace: bool = False) -> list[float]:
    told: list[float] = []
    saved = await engine.inspector.save_log(beam, 1, target, replace=replace, on_progress=told.append)
    assert (saved.path, saved.size, saved.attempt) == (target, target.stat().st_size, 1)
    return told


async def _until_all_is_printed(engine: Engine, beam_id: str) -> None:
    offset = 0
    async with asyncio.timeout(30):
        while offset < len(LINES):
            await asyncio.sleep(0.02)
            offset = (await engine.read_log(beam_id, offset)).next_offset


def _left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


async def test_the_whole_log_is_saved_from_the_copy_at_home_for_its_owner_alone(
    site: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        monkeypatch.setattr(RemoteHandler, "read_log", None)  # the HPC is not asked
        target = engine.inspector.suggested_log_file(beam, 1)
        assert beam.result_path is not None
        assert target == beam.result_path.parent / "simulation-attempt-1.log"
        told = await _save(engine, beam, target)
        assert target.read_text() == LINES
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert stat.S_IMODE((target.parent / LOCAL_LOG).stat().st_mode) == 0o600
        assert told == sorted(told)
        assert told[-1] == 1.0
        assert len(told) > 3
        assert _left_behind(target.parent) == []


async def test_the_log_of_a_job_that_runs_is_read_from_the_hpc(site: QuickSite, tmp_path: Path) -> None:
    site.configure(
        engine=f"cat {site.site.folder}/printed; while [ -e {site.site.folder}/goes-on ]; do sleep 0.02; done; "
        f"{DOSE} >dose.raw"
    )
    (site.site.folder / "goes-on").touch()
    (beam_id,) = site.beam_ids(site.add_case())
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await until_status(engine, beam_id, BeamStatus.HPC_RUNNING)
        await _until_all_is_printed(engine, beam_id)
        await _save(engine, beam, tmp_path / "of a running job.log")
        assert (tmp_path / "of a running job.log").read_text() == LINES
        (site.site.folder / "goes-on").unlink()
        await until_status(engine, beam_id, BeamStatus.COMPLETED)


async def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(site: QuickSite, tmp_path: Path) -> None:
    target = tmp_path / "there.log"
    target.write_text("precious")
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        with pytest.raises(InputError, match="is there already; nothing was written"):
            await _save(engine, beam, target)
        assert target.read_text() == "precious"
        await _save(engine, beam, target, replace=True)
        assert target.read_text() == LINES
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_what_is_no_place_for_a_log_is_refused(site: QuickSite, tmp_path: Path) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        with pytest.raises(InputError, match="is no folder; make it, or name another place"):
            await _save(engine, beam, tmp_path / "missing" / "a.log")
        with pytest.raises(InputError, match="is a folder; name a file in it"):
            await _save(engine, beam, tmp_path)
        with pytest.raises(InputError, match="has no attempt 2"):
            await engine.inspector.save_log(beam, 2, tmp_path / "a.log", replace=False, on_progress=lambda _: None)
        assert list(tmp_path.glob("*.log")) == []


@pytest.mark.parametrize("replace", [False, True])
async def test_a_saving_that_breaks_off_leaves_nothing_and_harms_nothing(
    site: QuickSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, replace: bool
) -> None:
    target = tmp_path / "mine" / "a.log"
    target.parent.mkdir()
    if replace:
        target.write_text("precious")

    def full(_: object, data: bytes) -> None:
        raise TransientError(f"no room for {len(data)} bytes")

    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        with monkeypatch.context() as patch:
            patch.setattr(log_saving._SavedFile, "append", full)
            with pytest.raises(TransientError, match="no room"):
                await _save(engine, beam, target, replace=replace)
        assert [path.name for path in target.parent.iterdir()] == ["a.log"] * replace

        begun = asyncio.Event()
        saving = asyncio.create_task(
            engine.inspector.save_log(beam, 1, target, replace=replace, on_progress=lambda _: begun.set())
        )
        await begun.wait()
        saving.cancel()
        await asyncio.wait([saving])
        assert saving.cancelled()
        assert [path.name for path in target.parent.iterdir()] == ["a.log"] * replace
        if replace:
            assert target.read_text() == "precious"


@pytest.mark.parametrize("is_there", [False, True])
async def test_a_saving_that_is_left_while_its_file_is_made_leaves_nothing_and_takes_nothing_away(
    site: QuickSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    target = tmp_path / "a.log"
    if is_there:
        target.write_text("precious")
    entered, may_go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        entered.set()
        assert may_go_on.wait(30)
        make_private_file(path)

    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        monkeypatch.setattr(log_saving, "make_private_file", slow)
        saving = asyncio.create_task(
            engine.inspector.save_log(beam, 1, target, replace=False, on_progress=lambda _: None)
        )
        assert await asyncio.to_thread(entered.wait, 30)
        saving.cancel()
        may_go_on.set()
        await asyncio.wait([saving])
        assert saving.cancelled()
        assert _left_behind(tmp_path) == []
        assert target.exists() == is_there
        if is_there:
            assert target.read_text() == "precious"


async def test_the_log_of_an_earlier_attempt_is_not_taken_for_the_latest_ones(site: QuickSite, tmp_path: Path) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        site.fail(COMPUTING)
        await engine.rerun(beam.beam_id)
        failed = await until_status(engine, beam.beam_id, BeamStatus.FAILED)
        await engine.inspector.save_log(failed, 2, tmp_path / "2.log", replace=False, on_progress=lambda _: None)
        assert (tmp_path / "2.log").read_text() == "no luck while computing\n"
        await _save(engine, failed, tmp_path / "1.log")
        assert (tmp_path / "1.log").read_text() == LINES


async def test_the_attempt_that_is_saved_counts_not_the_age_of_what_the_screen_knows(
    site: QuickSite, tmp_path: Path
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        shown = await _completed(engine, site)
        site.fail(COMPUTING)
        await engine.rerun(shown.beam_id)
        await until_status(engine, shown.beam_id, BeamStatus.FAILED)
        await engine.inspector.save_log(shown, 2, tmp_path / "2.log", replace=False, on_progress=lambda _: None)
        assert (tmp_path / "2.log").read_text() == "no luck while computing\n"

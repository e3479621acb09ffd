"""The log of a beam's latest attempt, read piece by piece: at home where all of it is there, else on the HPC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.hpc.remote_handler import RemoteHandler
from mqi_tui.workflow import log_at_home
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.states.download import LOCAL_LOG
from tests.workflow.support import COMPUTING, DOSE, POSTPROCESSING, PREPROCESSING, QuickSite, until_status

LINES = "".join(f"line {number} of the log\n" for number in range(2_000))


@pytest.fixture
def site(quick: QuickSite) -> QuickSite:
    """Its engine prints 2,000 lines."""
    (quick.site.folder / "printed").write_text(LINES)
    quick.configure(engine=f"cat {quick.site.folder}/printed; {DOSE} >dose.raw")
    return quick


@pytest.fixture
def lose_hpc(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on no log is read on the HPC."""

    async def unreachable(*_: object) -> None:
        raise TransientError("HPC unreachable")

    def lose() -> None:
        monkeypatch.setattr(RemoteHandler, "read_log", unreachable)
        monkeypatch.setattr(RemoteHandler, "log_size", unreachable)

    return lose


async def _completed(engine: Engine, site: QuickSite) -> BeamRecord:
    (beam_id,) = site.beam_ids(site.add_case())
    return await until_status(engine, beam_id, BeamStatus.COMPLETED)


async def _read_all(engine: Engine, beam_id: str, attempt: int) -> str:
    text, offset = "", 0
    while (chunk := await engine.read_log(beam_id, offset, 10_000)).text:
        assert (chunk.start, chunk.attempt) == (offset, attempt)
        text, offset = text + chunk.text, chunk.next_offset
    return text


def _at_home(beam: BeamRecord) -> Path:
    assert beam.result_path is not None
    return beam.result_path.with_name(LOCAL_LOG)


async def test_the_log_of_a_completed_beam_is_read_without_the_hpc(
    site: QuickSite, lose_hpc: Callable[[], None]
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        lose_hpc()
        end = await engine.read_log(beam.beam_id, -1, 100)
        assert (end.text, end.start, end.attempt) == (LINES[-100:], len(LINES) - 100, 1)
        assert (await engine.read_log(beam.beam_id, end.next_offset)).text == ""
        assert (await engine.read_log(beam.beam_id, -1, 1_000_000)).text == LINES
        assert await _read_all(engine, beam.beam_id, 1) == LINES


async def test_the_log_of_a_beam_whose_dose_is_at_home_already_is_read_without_the_hpc(
    site: QuickSite, lose_hpc: Callable[[], None]
) -> None:
    site.fail(POSTPROCESSING)
    (beam_id,) = site.beam_ids(site.add_case())
    async with site.site.engine(auto_dispatch=True) as engine:
        await until_status(engine, beam_id, BeamStatus.FAILED)
        lose_hpc()
        assert await _read_all(engine, beam_id, 1) == LINES


async def test_the_log_at_home_stays_readable_when_results_have_another_place(
    site: QuickSite, tmp_path: Path, lose_hpc: Callable[[], None]
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
    others = tmp_path / "of another program" / beam.parent_case_id / beam.beam_id / LOCAL_LOG
    others.parent.mkdir(parents=True)
    others.write_text("not of this attempt\n")
    site.configure(result_path=str(tmp_path / "of another program"))
    lose_hpc()
    async with site.site.engine() as engine:
        assert await _read_all(engine, beam.beam_id, 1) == LINES


async def test_the_log_of_an_earlier_attempt_is_never_read_for_a_later_one(
    site: QuickSite, lose_hpc: Callable[[], None]
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        site.fail(COMPUTING)
        await engine.rerun(beam.beam_id)
        await until_status(engine, beam.beam_id, BeamStatus.FAILED)
        assert _at_home(beam).read_text() == LINES
        assert await _read_all(engine, beam.beam_id, 2) == "no luck while computing\n"
        lose_hpc()
        with pytest.raises(TransientError, match="HPC unreachable"):
            await engine.read_log(beam.beam_id, -1)


async def test_of_a_beam_that_is_run_again_the_log_at_home_is_not_trusted(
    site: QuickSite, lose_hpc: Callable[[], None]
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        site.hold(PREPROCESSING)
        await engine.rerun(beam.beam_id)
        await until_status(engine, beam.beam_id, BeamStatus.PREPROCESSING)
        _at_home(beam).write_text("of whom?\n")
        assert await _read_all(engine, beam.beam_id, 1) == LINES
        lose_hpc()
        with pytest.raises(TransientError, match="HPC unreachable"):
            await engine.read_log(beam.beam_id, -1)
        site.let_go(PREPROCESSING)


async def test_a_log_that_is_not_at_home_any_more_is_read_from_the_hpc(
    site: QuickSite, lose_hpc: Callable[[], None]
) -> None:
    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        _at_home(beam).unlink()
        assert await _read_all(engine, beam.beam_id, 1) == LINES
        lose_hpc()
        with pytest.raises(TransientError, match="HPC unreachable"):
            await engine.read_log(beam.beam_id, -1)


async def test_a_log_that_cannot_be_read_at_home_is_read_from_the_hpc(
    site: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermanentError("Cannot read it")

    async with site.site.engine(auto_dispatch=True) as engine:
        beam = await _completed(engine, site)
        monkeypatch.setattr(log_at_home, "log_at_home", refused)
        assert await _read_all(engine, beam.beam_id, 1) == LINES

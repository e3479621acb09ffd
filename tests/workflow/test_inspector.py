"""The engine's inspector over real files: what it says, what it keeps, and that nothing waits for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mqi_tui.domain.errors import InputError, RequestRefusedError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from mqi_tui.moqui.beam_folder import PLAN_INFO
from mqi_tui.moqui.dose_planes import PlaneKind, cut_plane
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.file_cache import FileCache
from mqi_tui.workflow.inspection import BeamDose, Checksum, DoseAbsence, NoDose
from mqi_tui.workflow.stored_summary import SUMMARY
from tests.workflow.support import HISTORIES_OF_A_LAYER, NOT_A_NUMBER, QuickSite, until_status

Completed = tuple[Engine, BeamRecord]


@pytest.fixture
async def completed(quick: QuickSite) -> AsyncIterator[Completed]:
    """A beam that came to its end, with the engine still open."""
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine(auto_dispatch=True) as engine:
        beam = await until_status(engine, beam_id, BeamStatus.COMPLETED)
        yield engine, beam


def _raw_file(beam: BeamRecord) -> Path:
    assert beam.result_path is not None
    return beam.result_path


async def _dose(engine: Engine, beam: BeamRecord) -> BeamDose:
    dose = await engine.inspector.dose(beam)
    assert isinstance(dose, BeamDose)
    return dose


async def test_the_history_holds_each_status_of_the_way_and_the_attempt(completed: Completed) -> None:
    engine, beam = completed
    history = await engine.inspector.history(beam)
    statuses = [event.status for event in history.events if event.status]
    assert statuses[0] is BeamStatus.INITIAL
    assert statuses[-1] is BeamStatus.COMPLETED
    (attempt,) = history.attempts
    assert attempt.exit_code == 0
    assert attempt.host


async def test_files_are_told_with_sizes_and_what_their_checksums_are_worth(completed: Completed) -> None:
    engine, beam = completed
    files = await engine.inspector.files(beam)
    assert [file.path.name for file in files.inputs if file.path.suffix != ".csv"] == ["moqui_tps.in"]
    assert all(file.checksum is Checksum.COMPUTED and len(file.sha256) == 64 for file in files.inputs)
    (raw,) = [file for file in files.results if file.path.name == "output.raw"]
    assert (raw.size, raw.checksum, raw.attempt) == (64, Checksum.PROVEN, 1)
    assert raw.sha256 == files.attempts[0].raw_sha256


async def test_a_dose_file_that_was_changed_is_not_said_to_be_the_recorded_one(completed: Completed) -> None:
    engine, beam = completed
    _raw_file(beam).write_bytes(bytes(64))
    files = await engine.inspector.files(beam)
    (raw,) = [file for file in files.results if file.path.name == "output.raw"]
    assert (raw.checksum, raw.attempt) == (Checksum.COMPUTED, None)


async def test_the_parameters_are_those_of_the_job_and_the_layers_those_of_the_csvs(completed: Completed) -> None:
    engine, beam = completed
    used = await engine.inspector.used_parameters(beam)
    assert used is not None
    values = {entry.key: entry for entry in used.entries}
    assert used.attempt == 1
    assert values["OutputDir"].value.endswith("/run-001")
    assert values["OutputDir"].is_set_for_job
    assert not values["PhantomDimX"].is_set_for_job
    prepared = await engine.inspector.prepared_input(beam)
    assert prepared.parameters is not None
    assert "OutputDir" not in {entry.key for entry in prepared.parameters.entries}
    assert [layer.layer for layer in prepared.layers] == [1, 2]
    first = prepared.layers[0]
    assert (first.spots, first.histories) == (2, HISTORIES_OF_A_LAYER)
    assert first.duration_ms == pytest.approx(0.1)
    assert (first.x_mm, first.y_mm) == ((0.0, 1.0), (0.0, 1.0))


async def test_a_layer_that_cannot_be_read_is_named_and_the_others_are_shown(completed: Completed) -> None:
    engine, beam = completed
    path = (await engine.inspector.files(beam)).inputs[0].path
    path.write_text("no numbers\n")
    prepared = await engine.inspector.prepared_input(beam)
    assert path.name in prepared.trouble
    assert [layer.layer for layer in prepared.layers] == [2]


async def test_the_dose_comes_with_its_curves_and_any_plane(completed: Completed) -> None:
    engine, beam = completed
    dose = await _dose(engine, beam)
    assert (dose.attempt, dose.summary.maximum_gy) == (1, 1.0)
    assert dose.axis.dose_gy == (1.0, 1.0)
    plane = await engine.inspector.plane(dose, PlaneKind.SAGITTAL, 1)
    assert plane.dose_gy.tolist() == [[1, 1], [1, 1]]
    assert await engine.inspector.plane(dose, PlaneKind.SAGITTAL, 1) is plane


async def test_a_dose_that_is_replaced_is_not_shown_under_the_old_ones_numbers(completed: Completed) -> None:
    engine, beam = completed
    dose = await _dose(engine, beam)
    raw_file = _raw_file(beam)
    raw_file.write_bytes(raw_file.read_bytes())
    later = raw_file.with_name(SUMMARY).stat().st_mtime_ns + 1_000_000
    os.utime(raw_file, ns=(later, later))
    with pytest.raises(InputError, match="has changed since it was read"):
        await engine.inspector.plane(dose, PlaneKind.CORONAL, 0)
    assert await engine.inspector.dose(beam) == NoDose(DoseAbsence.UNCHECKED, raw_file)


async def test_a_dose_file_that_is_gone_is_none(completed: Completed) -> None:
    engine, beam = completed
    _raw_file(beam).unlink()
    assert await engine.inspector.dose(beam) == NoDose(DoseAbsence.NONE, _raw_file(beam))


@pytest.mark.parametrize("text", ["", "{}", '{"attempt": 1}', "[]", '{"attempt": "[red]"}'])
async def test_a_damaged_summary_is_an_error_with_a_sentence(completed: Completed, text: str) -> None:
    engine, beam = completed
    summary = _raw_file(beam).with_name(SUMMARY)
    summary.write_text(text)
    with pytest.raises(InputError, match=r"summary\.json is damaged"):
        await engine.inspector.dose(beam)


async def test_a_refused_dose_is_named_as_such(quick: QuickSite) -> None:
    quick.configure(engine=f"for voxel in 1 2 3 4 5 6 7 8; do {NOT_A_NUMBER}; done >dose.raw")
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine(auto_dispatch=True) as engine:
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        found = await engine.inspector.dose(beam)
        assert isinstance(found, NoDose)
        assert (found.absence, found.path.name) == (DoseAbsence.REFUSED, "output.raw.refused")


async def test_a_new_beam_has_nothing_and_that_is_no_error(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        beam = await until_status(engine, beam_id, BeamStatus.NEW)
        assert (await engine.inspector.history(beam)).attempts == ()
        files = await engine.inspector.files(beam)
        assert (files.inputs, files.results) == ((), ())
        prepared = await engine.inspector.prepared_input(beam)
        assert (prepared.parameters, prepared.layers, prepared.trouble) == (None, (), "")
        assert await engine.inspector.used_parameters(beam) is None
        found = await engine.inspector.dose(beam)
        assert isinstance(found, NoDose)
        assert found.absence is DoseAbsence.NONE


async def test_the_plan_of_a_case_says_which_of_its_beams_each_folder_holds(completed: Completed) -> None:
    engine, beam = completed
    case = engine.snapshot.case(beam.parent_case_id)
    assert case is not None
    found = await engine.inspector.case_plan(case)
    assert found.plan is not None
    assert (found.problem, found.plan.oddities) == ("", ())
    planned = found.beams[beam.beam_id]
    assert planned.facts is not None
    assert planned.facts == found.plan.beam(planned.facts.number or 0)
    again = await engine.inspector.case_plan(case)
    assert again.plan is found.plan, "kept as long as the file is the same"
    assert engine.snapshot.case("nobody") is None


async def test_a_plan_that_is_replaced_damaged_or_gone_with_its_folder_is_told_as_it_is_now(
    completed: Completed,
) -> None:
    engine, beam = completed
    case = engine.snapshot.case(beam.parent_case_id)
    assert case is not None
    folder = case.record.case_path
    (plan,) = folder.glob("RP*.dcm")
    assert (await engine.inspector.case_plan(case)).plan is not None
    (beam.beam_path / PLAN_INFO).write_text("nothing\n")
    lost = await engine.inspector.case_plan(case)
    assert lost.plan is not None
    assert lost.beams[beam.beam_id].facts is None
    assert PLAN_INFO in lost.beams[beam.beam_id].problem
    plan.write_bytes(b"no DICOM")
    damaged = await engine.inspector.case_plan(case)
    assert damaged.plan is None
    assert str(plan) in damaged.problem
    assert damaged.beams[beam.beam_id].problem == "the plan could not be read"
    shutil.rmtree(folder)
    gone = await engine.inspector.case_plan(case)
    assert f"the case folder {folder} is not there any more" in gone.problem


async def test_the_engine_saves_the_report_for_its_user_alone_and_says_whether_it_replaced_one(
    completed: Completed,
) -> None:
    engine, beam = completed
    path = _raw_file(beam).parent.parent / "report.html"
    assert await engine.save_report(beam.parent_case_id) == f"wrote {path}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert beam.beam_id in path.read_text(encoding="utf-8")
    both = await asyncio.gather(*(engine.save_report(beam.parent_case_id) for _ in range(2)))
    assert both == [f"wrote {path}, in place of an earlier report"] * 2
    path.write_text("my own notes")
    with pytest.raises(RequestRefusedError, match="is no report of mqi-tui; nothing was written"):
        await engine.save_report(beam.parent_case_id)
    with pytest.raises(RequestRefusedError, match="there is no case nobody"):
        await engine.save_report("nobody")


async def test_a_slow_disk_holds_up_neither_the_loop_nor_one_who_stops_waiting(
    completed: Completed, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, beam = completed
    dose = await _dose(engine, beam)
    under_way, may_go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        under_way.set()
        may_go_on.wait(timeout=30)
        return cut_plane(*arguments)

    monkeypatch.setattr("mqi_tui.workflow.inspector.cut_plane", slow)
    reading = asyncio.create_task(engine.inspector.plane(dose, PlaneKind.CORONAL, 1))
    try:
        assert await asyncio.to_thread(under_way.wait, 30)
        # The work goes on, for its threads are others; and the second thread here still reads small files.
        assert (await engine.inspector.files(beam)).results
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    finally:
        may_go_on.set()


def test_the_cache_makes_a_value_anew_when_its_file_has_changed(tmp_path: Path) -> None:
    cache, path = FileCache(1000), tmp_path / "file"
    assert cache.get(path, "what", (1, 1), lambda: "first") == "first"
    assert cache.get(path, "what", (1, 1), lambda: "second") == "first"
    assert cache.get(path, "what", (2, 1), lambda: "third") == "third"


def test_the_cache_lets_go_of_what_was_not_asked_for_longest(tmp_path: Path) -> None:
    cache = FileCache(100)

    def ask(name: str) -> str:
        return cache.get(tmp_path / name, "what", (1, 1), lambda: made.append(name) or name, weigh=lambda _: 40)  # type: ignore[func-returns-value]

    made: list[str] = []
    for name in ("a", "b", "a", "c", "a", "b"):
        assert ask(name) == name
    assert made == ["a", "b", "c", "b"]

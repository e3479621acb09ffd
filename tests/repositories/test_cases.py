"""Cases and beams in the database: registering, transitions with all that belongs to them, history, folders."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.records import AttemptOutcome, BeamProgress, EndedAttempt, FolderRecord
from mqi_tui.domain.status import BeamStatus, FolderState, is_allowed
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from tests.repositories.conftest import Store

NAME = "DOE^JOHN [QA] 한글"


async def test_a_registered_case_has_one_new_record_for_each_beam(store: Store) -> None:
    await store.add_case(NAME, ["2", "1"])
    (case,) = await store.cases.list_cases()
    assert (case.case_id, case.case_path) == (NAME, Path("/data") / NAME)
    beams = await store.cases.list_beams(NAME)
    assert [(beam.beam_id, beam.status) for beam in beams] == [
        (f"{NAME}_1", BeamStatus.NEW),
        (f"{NAME}_2", BeamStatus.NEW),
    ]
    assert beams[0].beam_path == Path("/data") / NAME / "1"
    assert beams[0].created_at.tzinfo is not None


async def test_registering_again_adds_new_beams_and_leaves_the_others_alone(store: Store) -> None:
    await store.add_case("A", ["1"])
    await store.bring_to("A_1", BeamStatus.UPLOADING)
    await store.cases.register_case("A", Path("/data/A"), [("1", Path("/data/A/1")), ("2", Path("/data/A/2"))], ["big"])
    assert [beam.status for beam in await store.cases.list_beams("A")] == [BeamStatus.UPLOADING, BeamStatus.NEW]
    assert (await store.cases.list_cases())[0].warnings == ("big",)


async def test_the_same_case_id_at_another_place_is_refused_and_overwrites_nothing(store: Store) -> None:
    await store.add_case("A", ["1"])
    with pytest.raises(RequestRefusedError, match="duplicate case id: A is already the case at /data/A"):
        await store.cases.register_case("A", Path("/elsewhere/A"), [("9", Path("/elsewhere/A/9"))])
    assert [beam.beam_name for beam in await store.cases.list_beams()] == ["1"]
    assert (await store.cases.list_cases())[0].case_path == Path("/data/A")


async def test_a_beam_id_of_another_case_is_refused_whole(store: Store) -> None:
    await store.add_case("A", ["B_1"])
    with pytest.raises(RequestRefusedError, match="beam id A_B_1 already belongs to case A"):
        await store.add_case("A_B", ["0", "1"])
    assert [case.case_id for case in await store.cases.list_cases()] == ["A"]


async def test_a_path_that_is_no_utf8_is_refused_with_its_bytes_written_out(store: Store) -> None:
    with pytest.raises(RequestRefusedError, match=r"no UTF-8; rename"):
        await store.cases.register_case("A", Path("/data/\udcff/A"), [])
    assert await store.cases.list_cases() == []


async def test_a_single_beam_record_can_be_created_and_read(store: Store) -> None:
    await store.add_case("A", [])
    assert await store.cases.create_beam_record("A", "7", Path("/data/A/7")) == "A_7"
    assert await store.cases.create_beam_record("A", "7", Path("/data/A/7")) == "A_7"
    beam = await store.cases.get_beam_by_id("A_7")
    assert beam is not None
    assert beam.parent_case_id == "A"
    assert await store.cases.get_beam_by_id("A_8") is None


async def test_a_transition_writes_its_event_in_the_same_transaction(store: Store) -> None:
    await store.add_case("A")
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.INITIAL, message="dispatched")
    (event,) = await store.cases.list_events()
    assert (event.case_id, event.beam_id, event.level, event.message) == ("A", "A_1", "info", "dispatched")
    with pytest.raises(RequestRefusedError):
        await store.cases.update_beam_status_by_id("A_1", BeamStatus.COMPLETED, message="no")
    assert len(await store.cases.list_events()) == 1
    assert await store.beam_status("A_1") is BeamStatus.INITIAL


async def test_an_unknown_beam_has_no_transition(store: Store) -> None:
    with pytest.raises(RequestRefusedError, match="there is no beam A_1"):
        await store.cases.update_beam_status_by_id("A_1", BeamStatus.INITIAL, message="dispatched")


async def test_a_failed_beam_keeps_where_it_stopped_and_why(store: Store) -> None:
    await store.add_case("A")
    await store.bring_to("A_1", BeamStatus.PREPROCESSING)
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.FAILED, message="failed", error="x.ptn is cut short")
    beam = await store.cases.get_beam_by_id("A_1")
    assert beam is not None
    assert (beam.status, beam.stage, beam.error) == (BeamStatus.FAILED, BeamStatus.PREPROCESSING, "x.ptn is cut short")
    (event,) = [event for event in await store.cases.list_events() if event.level == "error"]
    assert "x.ptn is cut short" in event.message
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.PREPROCESSING, message="retry")
    beam = await store.cases.get_beam_by_id("A_1")
    assert beam is not None
    assert beam.error is None


async def test_a_failure_may_name_another_state_to_go_on_from(store: Store) -> None:
    await store.add_case("A")
    await store.bring_to("A_1", BeamStatus.UPLOADING)
    await store.cases.update_beam_status_by_id(
        "A_1", BeamStatus.FAILED, message="failed", error="gone", resume_from=BeamStatus.PREPROCESSING
    )
    beam = await store.cases.get_beam_by_id("A_1")
    assert beam is not None
    assert beam.stage is BeamStatus.PREPROCESSING


async def test_a_full_rerun_forgets_the_earlier_result_until_it_is_verified_anew(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.add_case("A")
    await store.queue_up("A_1")
    await store.compute("A_1")
    await store.succeed("A_1")
    for status in (BeamStatus.POSTPROCESSING, BeamStatus.COMPLETED):
        result = Path("/results/output.raw") if status is BeamStatus.COMPLETED else None
        await store.cases.update_beam_status_by_id("A_1", status, message="", result_path=result)
    done = await store.cases.get_beam_by_id("A_1")
    assert done is not None
    assert (done.progress, done.result_path) == (1.0, Path("/results/output.raw"))
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.INITIAL, message="full rerun")
    again = await store.cases.get_beam_by_id("A_1")
    assert again is not None
    assert (again.progress, again.result_path, again.attempt) == (0.0, None, 1)


async def test_progress_never_falls_and_belongs_to_its_stage(store: Store) -> None:
    await store.add_case("A")
    await store.bring_to("A_1", BeamStatus.UPLOADING)

    async def after(stage: BeamStatus, progress: float, detail: str) -> tuple[float, str]:
        await store.cases.update_progress({"A_1": BeamProgress(stage, progress, detail)})
        beam = await store.cases.get_beam_by_id("A_1")
        assert beam is not None
        return beam.progress, beam.detail

    assert await after(BeamStatus.UPLOADING, 0.14, "2 of 3 files") == (0.14, "2 of 3 files")
    assert await after(BeamStatus.UPLOADING, 0.12, "again") == (0.14, "again")
    assert await after(BeamStatus.PREPROCESSING, 0.09, "of a stage that is over") == (0.14, "again")
    before = store.database.revision
    assert await after(BeamStatus.UPLOADING, 0.14, "again") == (0.14, "again")
    assert store.database.revision == before


async def test_events_come_oldest_first_and_can_be_followed(store: Store) -> None:
    for number in range(5):
        await store.cases.add_event(f"event {number}", level="warning")
    assert [event.message for event in await store.cases.list_events(2)] == ["event 3", "event 4"]
    first = (await store.cases.list_events())[0]
    followed = [event.message for event in await store.cases.list_events_after(first.event_id)]
    assert followed == ["event 1", "event 2", "event 3", "event 4"]


async def test_folders_are_replaced_and_keep_their_time_while_nothing_changes(store: Store) -> None:
    def folder(name: str, reason: str, hour: int) -> FolderRecord:
        return FolderRecord(Path("/data") / name, FolderState.REFUSED, reason, datetime(2026, 1, 1, hour, tzinfo=UTC))

    await store.cases.put_folders([folder("a", "empty", 1), folder("b", "empty", 1)])
    await store.cases.put_folders([folder("a", "empty", 2), folder("c", "\udcff is no UTF-8", 2)])
    there = await store.cases.list_folders()
    assert [(found.path.name, found.updated_at.hour) for found in there] == [("a", 1), ("c", 2)]
    assert there[1].reason == "\\udcff is no UTF-8"
    before = store.database.revision
    await store.cases.put_folders([folder("a", "empty", 3), folder("c", "\udcff is no UTF-8", 3)])
    assert store.database.revision == before


async def test_the_database_itself_refuses_a_completed_beam_without_a_result(store: Store) -> None:
    await store.add_case("A")
    with pytest.raises(sqlite3.IntegrityError):
        await store.database.write(
            lambda transaction: transaction.run("UPDATE beams SET status = 'completed' WHERE beam_id = 'A_1'")
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(list(BeamStatus)), min_size=5, max_size=40), number=st.uuids())
async def test_no_order_of_commands_gets_a_beam_into_a_state_that_is_not_allowed(
    store: Store, steps: list[BeamStatus], number: object
) -> None:
    """Whatever is tried in whatever order, slot, attempt and status agree."""
    await store.gpus.set_gpu_count(2)
    (beam_id,) = await store.add_case(str(number))
    for following in steps:
        before = await store.beam_status(beam_id)
        if following is BeamStatus.HPC_RUNNING:
            given_slot = await store.gpus.assign_free_gpu(beam_id)
            assert (given_slot is not None) <= (before is BeamStatus.HPC_QUEUED)
        else:
            error = "why" if following is BeamStatus.FAILED else None
            result = Path("/r") if following is BeamStatus.COMPLETED else None
            ended = EndedAttempt(AttemptOutcome.FAILED)
            try:
                await store.cases.update_beam_status_by_id(
                    beam_id, following, message="", error=error, result_path=result, ended=ended
                )
                assert is_allowed(before, following)
            except RequestRefusedError:
                assert not is_allowed(before, following)
        beam = await store.cases.get_beam_by_id(beam_id)
        assert beam is not None
        assert (beam.gpu_id is None) or beam.status.holds_slot
    # Leave the slots free for the next example.
    while (await store.beam_status(beam_id)).is_active:
        status = await store.beam_status(beam_id)
        final = BeamStatus.CANCELLED if status is BeamStatus.CANCELLING else BeamStatus.CANCELLING
        await store.cases.update_beam_status_by_id(beam_id, final, message="")
    assert set((await store.holders()).values()) == {None}


async def test_a_job_that_waits_in_the_schedulers_queue_is_no_computing_one_until_it_computes(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.add_case("A")
    await store.queue_up("A_1")
    await store.compute("A_1")

    async def word_after(*, waits: bool | None) -> str:
        now = BeamProgress(BeamStatus.HPC_RUNNING, 0.15, "why", waits)
        await store.cases.update_progress({"A_1": now})
        beam = await store.cases.get_beam_by_id("A_1")
        assert beam is not None
        return beam.word

    # A slot alone is no computing.
    assert await word_after(waits=None) == "in HPC queue"
    assert await word_after(waits=False) == "computing"
    assert await word_after(waits=None) == "computing"
    assert await word_after(waits=False) == "computing"
    told = [event.message for event in await store.cases.list_events_of_beam("A_1") if "computes" in event.message]
    assert told == ["its job computes"]
    assert await word_after(waits=True) == "in HPC queue"
    assert await word_after(waits=None) == "in HPC queue"
    await store.succeed("A_1")
    beam = await store.cases.get_beam_by_id("A_1")
    assert beam is not None
    assert beam.word == "downloading"


async def test_the_history_says_when_the_last_beam_of_a_case_is_completed(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.add_case("other")

    async def told_after(beam_id: str) -> list[str | None]:
        await store.queue_up(beam_id)
        await store.compute(beam_id)
        await store.succeed(beam_id)
        for status in (BeamStatus.POSTPROCESSING, BeamStatus.COMPLETED):
            await store.cases.update_beam_status_by_id(beam_id, status, message=status.word, result_path=Path("/r.raw"))
        events = await store.cases.list_events(limit=1000)
        return [event.case_id for event in events if event.message == "case completed (2 beams)"]

    first, second = await store.add_case("A", ["1", "2"])
    assert await told_after(first) == []
    assert await told_after(second) == ["A"]


async def test_the_history_of_a_beam_holds_its_own_events_and_the_status_that_came_with_each(store: Store) -> None:
    beam_id, other = await store.add_case("case", ["1", "2"])
    await store.bring_to(beam_id, BeamStatus.PREPROCESSING)
    await store.bring_to(other, BeamStatus.INITIAL)
    await store.cases.add_event("held up", level="warning", case_id="case", beam_id=beam_id)
    found = [(event.status, event.message) for event in await store.cases.list_events_of_beam(beam_id)]
    assert found == [
        (BeamStatus.INITIAL, "checking"),
        (BeamStatus.PREPROCESSING, "preprocessing"),
        (None, "held up"),
    ]


# Priorities


async def test_a_priority_changes_with_its_event_and_survives_a_restart(store: Store) -> None:
    await store.add_case("A")
    assert await store.cases.change_priority("A_1", 2) == (0, 2)
    assert await store.cases.change_priority("A_1", -5) == (2, -3)
    async with Database.open(store.path) as other:
        cases = CaseRepository(other)
        beam = await cases.get_beam_by_id("A_1")
        assert beam is not None
        assert beam.priority == -3
        events = await cases.list_events_of_beam("A_1")
    assert [(event.message, event.case_id) for event in events] == [
        ("priority 0 -> 2", "A"),
        ("priority 2 -> -3", "A"),
    ]


async def test_a_priority_goes_to_the_ends_of_its_scale_and_no_further(store: Store) -> None:
    await store.add_case("A")
    assert await store.cases.change_priority("A_1", 50) == (0, 9)
    with pytest.raises(RequestRefusedError, match=r"A_1 has priority 9 already; the lowest is -9, the highest 9\."):
        await store.cases.change_priority("A_1", 1)
    assert await store.cases.change_priority("A_1", -50) == (9, -9)
    assert len(await store.cases.list_events_of_beam("A_1")) == 2


async def test_a_beam_that_computes_or_is_over_is_not_moved(store: Store) -> None:
    await store.gpus.set_gpu_count(1)
    await store.queue_up(*(await store.add_case("A", ["1", "2"])))
    await store.compute("A_1")
    with pytest.raises(RequestRefusedError, match="A_1 is in HPC queue: it has its GPU slot, and a job"):
        await store.cases.change_priority("A_1", 1)
    await store.cases.update_beam_status_by_id("A_2", BeamStatus.FAILED, message="failed", error="no luck")
    with pytest.raises(RequestRefusedError, match="A_2 is failed: it waits for nothing"):
        await store.cases.change_priority("A_2", 1)
    with pytest.raises(RequestRefusedError, match=r"there is no beam A_3\."):
        await store.cases.change_priority("A_3", 1)


async def test_a_retried_beam_has_the_priority_that_it_had(store: Store) -> None:
    await store.queue_up(*(await store.add_case("A")))
    await store.cases.change_priority("A_1", 4)
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.FAILED, message="failed", error="no luck")
    await store.cases.update_beam_status_by_id("A_1", BeamStatus.HPC_QUEUED, message="retry")
    beam = await store.cases.get_beam_by_id("A_1")
    assert beam is not None
    assert beam.priority == 4

"""mqi_simulation in every way it goes wrong: each is found, said in a sentence, and holds up nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from mqi_tui.domain.errors import TransientError
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.workflow_manager import WorkflowManager
from tests.support.jobs import is_alive, until
from tests.support.programs import in_front_of_path, put_program
from tests.support.site import Site, all_beams, wait_for, wait_until
from tests.workflow.support import (
    COMPUTING,
    DOSE,
    GRAY,
    HISTORIES_OF_A_LAYER,
    NOT_A_NUMBER,
    POSTPROCESSING,
    PREPROCESSING,
    TINY_RAW_BYTES,
    QuickSite,
    beam_of,
    messages,
    slots_taken,
    until_idle,
    until_status,
)

HISTORIES = 2 * HISTORIES_OF_A_LAYER
"""Of the sample case's two layers."""


async def failed_beam(quick: QuickSite) -> tuple[BeamRecord, list[AttemptRecord]]:
    """The only beam and its attempts, after the engine has failed it and holds no slot any more."""
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED, BeamStatus.COMPLETED)
        assert slots_taken(engine.snapshot) == set()
        return beam, await attempts_of(engine, beam_id)


async def attempts_of(engine: Engine, beam_id: str) -> list[AttemptRecord]:
    return await engine._context.attempts.list_attempts(beam_id)


FAILURES = {
    "an exit code": (
        "echo began; echo 'the last words' >&2; exit 3",
        r"^mqi_simulation ended with exit code 3: .*\. Its last words: the last words$",
        3,
    ),
    "an exit code with a good dose": (f"{DOSE} >dose.raw; exit 1", r"exit code 1", 1),
    "an exception": (
        "echo \"terminate called after throwing an instance of 'std::runtime_error'\"; "
        "echo '  what():  no such beam'; kill -s ABRT $$",
        r"exit code 134: terminate called .*std::runtime_error' \(the engine gave up\); "
        r"what\(\):  no such beam \(the engine's own reason\)",
        134,
    ),
    "a kill of the engine": ("kill -s KILL $$", r"exit code 137: it was killed \(SIGKILL\), as when the memory", 137),
    "a crash": ("kill -s SEGV $$", r"exit code 139: Segmentation fault \(the engine crashed\)", 139),
    "an error of the GPU with exit code 0": (
        "echo 'CUDA error at kernel.cu:12: out of memory'; exit 0",
        r"exit code 0, but of one file \*\.raw there is: none\. CUDA error.*\(the GPU's memory is full",
        0,
    ),
    "nothing written": ("echo done", r"exit code 0, but of one file \*\.raw there is: none\. Look into its log", 0),
    "two raw files": (
        f"{DOSE} >dose.raw; {DOSE} >dose2.raw",
        r"exit code 0, but of one file \*\.raw there is: dose\.raw, dose2\.raw\.",
        0,
    ),
    "a truncated raw file": (
        f"{GRAY} >dose.raw",
        rf"^dose\.raw has 8 bytes, but the dose grid of moqui_tps\.in needs {TINY_RAW_BYTES}; the disk on the HPC may",
        0,
    ),
    "an empty raw file": (": >dose.raw", rf"^dose\.raw has 0 bytes, .* needs {TINY_RAW_BYTES}", 0),
    "fewer histories than the CSVs hold": (
        f"echo 'Total histories (Particles) : {HISTORIES - 1}'; {DOSE} >dose.raw",
        rf"read {HISTORIES - 1} histories, but the beam's CSVs hold {HISTORIES}: it does not read this row layout "
        r"right; set another interpreter\.csv_layout than trailing-comma",
        0,
    ),
}
"""What goes wrong: (the engine as a line of sh, what the beam's error says, the exit code of the attempt)."""


@pytest.mark.parametrize("name", FAILURES)
async def test_the_engines_failure_is_the_beams_with_a_sentence(quick: QuickSite, name: str) -> None:
    line, error, exit_code = FAILURES[name]
    quick.configure(engine=line)
    beam, attempts = await failed_beam(quick)
    assert beam.status is BeamStatus.FAILED
    assert beam.error is not None
    assert re.search(error, beam.error), beam.error
    # A failure of its own is no lost job: it is not tried again without a person.
    assert [(attempt.outcome, attempt.exit_code) for attempt in attempts] == [(AttemptOutcome.FAILED, exit_code)]
    assert beam.result_path is None
    assert not list(quick.site.results.rglob("*.raw"))


async def test_a_run_that_reports_all_histories_of_the_csvs_is_good(quick: QuickSite) -> None:
    quick.configure(engine=f"echo 'Total histories (Particles) : {HISTORIES}'; {DOSE} >dose.raw")
    beam, _ = await failed_beam(quick)
    assert beam.status is BeamStatus.COMPLETED


async def test_words_of_failure_in_the_log_of_a_good_run_decide_nothing(quick: QuickSite) -> None:
    quick.configure(engine=f"echo 'CUDA error: none of yours'; {DOSE} >dose.raw")
    beam, _ = await failed_beam(quick)
    assert beam.status is BeamStatus.COMPLETED


async def test_words_of_success_in_the_log_of_a_failed_run_decide_nothing(quick: QuickSite) -> None:
    quick.configure(engine=f"{DOSE} >dose.raw; echo 'Simulation completed successfully'; exit 1")
    beam, _ = await failed_beam(quick)
    assert beam.status is BeamStatus.FAILED


@pytest.mark.parametrize(
    ("voxel", "error"),
    [(r"printf '\0\0\0\0\0\0\0\0'", "the dose is 0 in every voxel"), (NOT_A_NUMBER, "x 0, y 0, z 0 is nan")],
)
async def test_a_dose_that_is_none_never_has_the_name_of_a_result_and_a_retry_computes_again(
    quick: QuickSite, voxel: str, error: str
) -> None:
    quick.configure(
        engine=f"if [ $(basename {{run_dir}}) = run-001 ]; then {DOSE.replace(GRAY, voxel)} >dose.raw; "
        f"else {DOSE} >dose.raw; fi"
    )
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    result = quick.site.results / case_id / beam_id / "output.raw"
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert beam.error is not None
        assert error in beam.error
        assert "retry computes the dose again" in beam.error
        assert not result.exists()
        assert quick.count(POSTPROCESSING) == 0
        assert await engine.retry(beam_id) == f"{beam_id} goes on from waiting for GPU"
        assert (await until_idle(engine)).all_completed
    assert result.stat().st_size == TINY_RAW_BYTES
    assert quick.count(PREPROCESSING) == 1


async def test_a_run_with_too_few_histories_is_made_right_from_its_csvs_on(quick: QuickSite) -> None:
    quick.configure(engine=FAILURES["fewer histories than the CSVs hold"][0])
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await until_status(engine, beam_id, BeamStatus.FAILED)
        # Only other CSVs can mend it.
        assert await engine.retry(beam_id) == f"{beam_id} goes on from preprocessing"
        await until_idle(engine)
    assert quick.count(PREPROCESSING) == 2


async def test_a_beam_that_fails_leaves_its_siblings_and_its_slot_alone(quick: QuickSite) -> None:
    case_id = quick.add_case(beams=4)
    bad, *good = quick.beam_ids(case_id)
    quick.configure(engine=f"if [ $2 = {bad} ]; then exit 9; fi; {DOSE} >dose.raw", hpc={"gpu_count": 1})
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        snapshot = await until_idle(engine)
    assert {beam.beam_id: beam.status for beam in all_beams(snapshot)} == {
        bad: BeamStatus.FAILED,
        **dict.fromkeys(good, BeamStatus.COMPLETED),
    }
    assert snapshot.cases[0].status.value == "partly failed"
    (failure,) = [event for event in snapshot.events if event.level == "error"]
    assert failure.beam_id == bad
    assert "attempt 1 failed: mqi_simulation ended with exit code 9" in failure.message


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["/nowhere/moqui", "{tps_file}"], r"exit code 127: .*/nowhere/moqui.*\(the program of engine\.command is not"),
        (["/etc/passwd"], r"exit code 126: .*Permission denied|exit code 126: .*cannot be"),
    ],
)
async def test_an_engine_that_cannot_be_started_says_so(quick: QuickSite, command: list[str], error: str) -> None:
    quick.configure(engine_settings={"command": command})
    beam, _ = await failed_beam(quick)
    assert beam.error is not None
    assert re.search(error, beam.error), beam.error


async def test_setup_lines_that_fail_fail_the_job_before_the_engine_starts(quick: QuickSite) -> None:
    quick.configure(engine_settings={"setup_lines": ["echo 'no module moqui' >&2; exit 4"]})
    beam, _ = await failed_beam(quick)
    assert beam.error is not None
    assert "exit code 4" in beam.error
    assert "no module moqui" in beam.error
    assert quick.count(COMPUTING) == 0


# Lost jobs: the job itself is gone and left no exit record


KILL_THE_JOB = "kill -s KILL 0"
"""Ends the whole job, its script included, as a node that is lost does."""


async def test_a_lost_job_is_tried_again_up_to_the_configured_number_of_attempts(quick: QuickSite) -> None:
    quick.configure(engine=KILL_THE_JOB, retry={"lost_job_attempts": 2})
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert [attempt.outcome for attempt in await attempts_of(engine, beam_id)] == [AttemptOutcome.LOST] * 2
        assert slots_taken(engine.snapshot) == set()
        said = messages(engine.snapshot, beam_id)
    assert beam.error is not None
    assert re.search(
        r"left no exit record in .*/run-002 .*2 attempts were lost so \(retry\.lost_job_attempts\)", beam.error
    )
    assert any("another attempt follows (1 of 2 lost)" in message for message in said)
    assert any(message.startswith("attempt 2 lost its job") for message in said)
    assert (beam.attempt, quick.count(COMPUTING)) == (2, 2)


async def test_a_job_that_is_lost_once_is_computed_by_the_next_attempt(quick: QuickSite) -> None:
    quick.configure(engine=f"if mkdir ../once 2>/dev/null; then {KILL_THE_JOB}; fi; {DOSE} >dose.raw")
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.COMPLETED, BeamStatus.FAILED)
        outcomes = [attempt.outcome for attempt in await attempts_of(engine, beam_id)]
    assert beam.status is BeamStatus.COMPLETED
    assert outcomes == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]


async def test_an_engine_that_outlives_its_killed_job_is_ended_before_another_attempt_starts(quick: QuickSite) -> None:
    quick.configure(retry={"lost_job_attempts": 2})
    quick.hold(COMPUTING)
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: quick.count(COMPUTING) == 1)
        ((_, engine_pid),) = quick.runs(COMPUTING)
        beam = await until_status(engine, beam_id, BeamStatus.HPC_RUNNING)
        await wait_until(lambda: beam_of(engine.snapshot, beam_id).hpc_job_id is not None)
        beam = beam_of(engine.snapshot, beam_id)
        os.kill(int(beam.hpc_job_id or 0), signal.SIGKILL)  # the job script alone
        await wait_until(lambda: quick.count(COMPUTING) == 2)
        assert not is_alive(engine_pid)
        quick.let_go(COMPUTING)
        assert (await until_idle(engine)).all_completed


# What is no one's plan


async def test_an_exit_record_that_cannot_be_read_fails_the_beam_and_releases_its_slot(quick: QuickSite) -> None:
    quick.configure(engine="mkdir exit_record; sleep 60")
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert slots_taken(engine.snapshot) == set()
        attempts = await attempts_of(engine, beam_id)
        # The beam had left the queue for a slot; whether its job was seen to compute is a matter of luck.
        told = messages(engine.snapshot, beam_id)
        assert any(re.match("failed while (computing|in HPC queue): ", message) for message in told), told
    assert beam.error is not None
    assert "exit_record" in beam.error
    assert [attempt.outcome for attempt in attempts] == [AttemptOutcome.FAILED]
    assert not any(is_alive(pid) for _, pid in quick.runs(COMPUTING))


async def test_a_beam_whose_exit_record_cannot_be_read_is_cancelled_all_the_same(quick: QuickSite) -> None:
    quick.configure(engine="trap 'mkdir exit_record; exit 1' TERM; touch ready; while :; do sleep 0.05; done")
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await wait_until(lambda: bool(list(quick.site.remote.rglob("run-001/ready"))))
        await engine.cancel_beam(beam_id)
        await until_status(engine, beam_id, BeamStatus.CANCELLED, seconds=10)
        assert slots_taken(engine.snapshot) == set()


async def test_a_result_folder_that_cannot_be_made_is_said_and_is_no_defect(quick: QuickSite) -> None:
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    quick.site.results.mkdir()
    (quick.site.results / case_id).write_text("a file where a folder should be")
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        beam = await until_status(engine, beam_id, BeamStatus.FAILED)
        assert beam.error is not None
        assert str(quick.site.results / case_id) in beam.error
        assert "defect" not in beam.error
        (quick.site.results / case_id).unlink()
        await engine.retry(beam_id)
        assert (await until_idle(engine)).all_completed
    assert quick.count(COMPUTING) == 1


async def test_a_process_the_engine_leaves_behind_is_ended_with_its_job(quick: QuickSite) -> None:
    quick.configure(engine=f"sleep 60 & echo $! >left; sleep 0.6; {DOSE} >dose.raw")
    beam, _ = await failed_beam(quick)
    assert beam.status is BeamStatus.COMPLETED
    (note,) = quick.site.remote.rglob("left")
    pid = int(note.read_text())
    with contextlib.suppress(ProcessLookupError):
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the process is still there, though its GPU counts as free")


async def test_a_beam_whose_job_is_being_handed_over_is_not_said_to_compute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, go = tmp_path / "bin", tmp_path / "go"
    put_program(programs, "squeue", "exit 0")
    put_program(programs, "sbatch", f"while [ ! -e {go} ]; do sleep 0.1; done; echo 'invalid partition' >&2; exit 1")
    in_front_of_path(programs, monkeypatch)
    site = Site.make(tmp_path / "site", hpc={"scheduler": "slurm"})
    site.add_cases(1, beams=1, layers=1)
    async with site.engine() as engine:
        (case,) = (await wait_for(engine, lambda snapshot: bool(snapshot.cases))).cases
        await engine.dispatch(case.case_id)
        (beam,) = all_beams(await wait_for(engine, _holds_a_slot_and_says_something))
        assert (beam.word, beam.detail) == ("in HPC queue", "hands its job over")
        go.touch()
        (beam,) = all_beams(await wait_for(engine, lambda snapshot: all_beams(snapshot)[0].error is not None))
        assert "invalid partition" in (beam.error or "")


def _holds_a_slot_and_says_something(snapshot: EngineSnapshot) -> bool:
    (beam,) = all_beams(snapshot)
    return beam.status is BeamStatus.HPC_RUNNING and beam.detail != ""


async def test_an_engine_whose_start_fails_leaves_nothing_at_work(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_: object) -> None:
        raise TransientError("the database is busy")

    before = asyncio.all_tasks()
    with monkeypatch.context() as patch:
        patch.setattr(WorkflowManager, "resume_unfinished", busy)
        with pytest.raises(TransientError, match="the database is busy"):
            async with quick.site.engine():
                pytest.fail("the engine has started")
    await until(lambda: not {task for task in asyncio.all_tasks() - before if not task.done()}, "no task is left")

    async with quick.site.engine() as engine:
        await engine.first_scan()

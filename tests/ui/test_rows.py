"""Which rows the case tree and the beam list have."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.rows import FOLDERS_KEY, beam_rows, tree_rows
from mqi_tui.ui.view import View
from tests.support.screens import on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_folder, a_snapshot

SNAPSHOT = a_snapshot(
    a_case("alpha", a_beam("alpha", "b1", BeamStatus.FAILED), a_beam("alpha", "b2", BeamStatus.HPC_QUEUED)),
    a_case("beta", a_beam("beta", "b1", BeamStatus.HPC_QUEUED)),
    folders=[a_folder("gamma", FolderState.SETTLING, "changed a moment ago")],
)


def _keys(expanded: set[str], wanted: str = "") -> list[str]:
    return [row.key for row in tree_rows(SNAPSHOT, expanded, set(), View(Filter(wanted)))]


def test_beams_are_shown_under_expanded_cases_alone() -> None:
    assert _keys(set()) == ["case alpha", "case beta", FOLDERS_KEY]
    assert _keys({"case alpha"}) == ["case alpha", "beam alpha_b1", "beam alpha_b2", "case beta", FOLDERS_KEY]


def test_folders_that_are_no_cases_come_last_and_fold_away() -> None:
    assert _keys({FOLDERS_KEY})[-2:] == [FOLDERS_KEY, "folder /data/cases/gamma"]


def test_a_filter_shows_what_it_finds_by_name() -> None:
    assert _keys(set(), "BETA") == ["case beta", "beam beta_b1"]
    assert _keys(set(), "gam") == [FOLDERS_KEY, "folder /data/cases/gamma"]


def test_a_filter_finds_states_and_then_shows_the_matching_beams_alone() -> None:
    assert _keys(set(), "waiting alpha") == ["case alpha", "beam alpha_b2"]


def test_the_beam_list_shows_one_case_or_all() -> None:
    def ids(case_id: str | None) -> list[str]:
        return [row.beam.beam_id for row in beam_rows(SNAPSHOT, case_id, set(), View())]

    assert ids("beta") == ["beta_b1"]
    assert ids(None) == ["alpha_b1", "alpha_b2", "beta_b1"]


def test_a_waiting_beam_says_its_place_in_the_queue() -> None:
    [row] = beam_rows(SNAPSHOT, "beta", set(), View())
    assert row.note == "2 of 2 in the queue"


async def test_a_beam_whose_job_waits_in_the_schedulers_queue_is_shown_as_waiting() -> None:
    why = "waits in the scheduler's queue (Priority)"
    waiting = a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, gpu_id=8, attempt=1, detail=why, job_waits=True)
    computing = a_beam("alpha", "b2", BeamStatus.HPC_RUNNING, gpu_id=0, attempt=1)
    async with on_stage(ScriptedEngine(a_snapshot(a_case("alpha", waiting, computing), gpu_count=10))) as stage:
        await stage.until(lambda: "in HPC queue" in stage.text)
        assert "1 running  1 waiting" in stage.text
        assert "1 in HPC queue, 1 computing" in stage.text
        await stage.press("right", "down")
        assert why in stage.text


async def test_a_case_at_work_says_how_many_of_its_beams_have_failed() -> None:
    async with on_stage(ScriptedEngine(SNAPSHOT)) as stage:
        alpha, beta = (next(line for line in stage.lines if f"▸ {name}" in line) for name in ("alpha", "beta"))
        assert "► working 0/2 ✗1" in alpha
        assert "► working 0/1 " in beta
        assert "✗" not in beta[:40]

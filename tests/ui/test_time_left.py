"""How long a beam still computes: at its own pace, as other beams did (~), or unknown; never a number for nothing."""

from __future__ import annotations

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.time_left import TimeLeft
from tests.support.screens import LARGE, MIDDLE, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_snapshot

USUAL = TimeLeft(8 * 60, 14 * 60, of_beams=12)


def snapshot(usual: TimeLeft | None) -> EngineSnapshot:
    states = {
        "paced": BeamStatus.HPC_RUNNING,
        "begun": BeamStatus.HPC_RUNNING,
        "stalled": BeamStatus.HPC_RUNNING,
        "waits": BeamStatus.HPC_QUEUED,
        "prepares": BeamStatus.PREPROCESSING,
        "computed": BeamStatus.DOWNLOADING,
        "new": BeamStatus.NEW,
    }
    beams = [a_beam("alpha", name, status) for name, status in states.items()]
    beams.append(a_beam("alpha", "slurm", BeamStatus.HPC_RUNNING, job_waits=True))
    lefts = {"alpha_paced": TimeLeft(120, 180)}
    if usual is not None:
        lefts["alpha_begun"] = TimeLeft(5 * 60, 11 * 60, usual.of_beams)
    return a_snapshot(a_case("alpha", *beams), times_left=lefts, usual_time=usual)


@pytest.mark.parametrize("size", [MIDDLE, LARGE])
@pytest.mark.parametrize(
    ("usual", "begun", "waits"), [(USUAL, "~5-11 min", "~8-14 min"), (None, "unknown", "unknown")], ids=["known", "not"]
)
async def test_each_beam_says_what_is_known_of_its_time(
    size: tuple[int, int], usual: TimeLeft | None, begun: str, waits: str
) -> None:
    async with on_stage(ScriptedEngine(snapshot(usual)), size) as stage:
        head, *rows = lines_of(stage.beams)
        at = head.index("left")
        lefts = {row[1:].split()[0]: row[at : at + 10].strip() for row in rows if row.strip()}
        assert lefts["paced"] == "2-3 min"
        assert lefts["begun"] == begun
        assert lefts["stalled"] == "unknown"
        assert lefts["waits"] == lefts["prepares"] == lefts["slurm"] == waits
        assert lefts["computed"] == lefts["new"] == "–"


async def test_the_details_say_from_how_many_beams_it_is_known() -> None:
    async with on_stage(ScriptedEngine(snapshot(USUAL))) as stage:
        for name, words in (
            ("paced", "computes for 2-3 min more at this pace"),
            ("begun", "computes for 5-11 min more, as 12 beams did here"),
            ("waits", "computes for 8-14 min once it begins, as 12 beams did here"),
        ):
            stage.beams.move_to_key(f"beam alpha_{name}")
            stage.beams.focus()
            await stage.until(lambda words=words: words in stage.details.text)  # type: ignore[misc]

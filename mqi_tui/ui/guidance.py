"""What an empty list says: why it is empty, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.rows import TreeRow
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.view import View


def no_cases_text(snapshot: EngineSnapshot, view: View, scan_directory: Path) -> str:
    """For the case tree."""
    if view.filter.is_on and (snapshot.cases or snapshot.folders):
        return f"Nothing matches the filter.\n\nTyped: {view.filter.text}\n\nesc clears the filter."
    if view.hides_finished and snapshot.cases:
        return "All beams are finished, and finished beams are hidden."
    return f"No cases yet. Looked for in:\n{scan_directory}"


def first_steps(actions: Actions) -> Sequence[Line]:
    """What to do while there is no case at all."""
    return [
        [
            (
                "Copy a case folder to the place named above: its plan (RTPLAN) and a folder of logs per beam.",
                Tone.NORMAL,
            )
        ],
        [
            (
                "It shows here once nothing in it changes any more; then press "
                f"{actions.way_to('dispatch_target')} to start its beams.",
                Tone.NORMAL,
            )
        ],
    ]


def no_beams_text(snapshot: EngineSnapshot, row: TreeRow | None) -> str:
    """For the beam list, with the cursor of the case tree on `row`."""
    if not snapshot.cases:
        return "Beams show here once there is a case."
    return "No case is selected." if row is None else "This folder is no case, so it has no beams."

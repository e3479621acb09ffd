"""What an empty list says: why it is empty, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import _
from mqi_tui.ui.rows import TreeRow
from mqi_tui.ui.text import cut_middle
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.view import View

_LONGEST_FILTER = 80


def no_cases_text(snapshot: EngineSnapshot, view: View, scan_directory: Path, actions: Actions) -> str:
    """For the case tree."""
    if view.filter.is_on and (snapshot.cases or snapshot.folders):
        nothing = _("Nothing matches the filter.\n\nTyped: {text}\n\n{key} clears the filter.")
        text = cut_middle(view.filter.text, _LONGEST_FILTER)
        return nothing.format(text=text, key=actions.way_to("clear_filter"))
    if view.hides_finished and snapshot.cases:
        return _("All beams are finished, and finished beams are hidden.")
    return _("No cases yet. Looked for in:\n{folder}").format(folder=scan_directory)


def first_steps(actions: Actions) -> Sequence[Line]:
    """What to do while there is no case at all."""
    return [
        [
            (
                _("Copy a case folder to the place named above: its plan (RTPLAN) and a folder of logs per beam."),
                Tone.NORMAL,
            )
        ],
        [
            (
                _("It shows here once nothing in it changes any more; then press {key} to start its beams.").format(
                    key=actions.way_to("dispatch_target")
                ),
                Tone.NORMAL,
            )
        ],
    ]


def no_beams_text(snapshot: EngineSnapshot, row: TreeRow | None) -> str:
    """For the beam list, with the cursor of the case tree on `row`."""
    if not snapshot.cases:
        return _("Beams show here once there is a case.")
    return _("No case is selected.") if row is None else _("This folder is no case, so it has no beams.")

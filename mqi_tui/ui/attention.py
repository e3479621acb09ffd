"""What needs a person, most urgent first: one row for each thing, with what resolves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mqi_tui.domain.snapshot import OUTAGE, CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import BEAM_MARKS, FOLDER_MARKS, Mark
from mqi_tui.ui.rows import folder_key
from mqi_tui.ui.text import counted
from mqi_tui.ui.tones import Tone

_HELD_UP = Mark("!", Tone.WARNING)


@dataclass(frozen=True, slots=True)
class AttentionRow:
    key: str
    mark: Mark
    text: str
    remedy: str
    """The keys that resolve it, in a few words; empty where there is nothing to press."""
    case_id: str | None = None
    """The case that `enter` goes to, if any."""
    goes_to: str | None = None
    """The key of the row of the case tree that `enter` goes to."""
    beam_ids: frozenset[str] = frozenset()
    """The beams of that case that it is about."""


def attention_rows(snapshot: EngineSnapshot, actions: Actions) -> list[AttentionRow]:
    rows: list[AttentionRow] = []
    if notice := _notice(snapshot):
        rows.append(AttentionRow("notice", _HELD_UP, notice, ""))
    rows.extend(_failed(snapshot, actions))
    rows.extend(_held_up(snapshot, actions))
    if snapshot.storage is not None and snapshot.storage.warning:
        rows.append(AttentionRow("storage", _HELD_UP, snapshot.storage.warning, ""))
    shows = _way_there(actions)
    rows.extend(
        AttentionRow(
            folder_key(folder),
            FOLDER_MARKS[folder.state],
            f"{folder.path.name}: {_(folder.state.value)}, {folder.reason}",
            shows,
            goes_to=folder_key(folder),
        )
        for folder in snapshot.folders
        if folder.state.needs_person
    )
    return rows


def _failed(snapshot: EngineSnapshot, actions: Actions) -> Iterator[AttentionRow]:
    for case in snapshot.cases:
        failed = [beam for beam in case.beams if beam.status is BeamStatus.FAILED]
        if failed:
            first = failed[0]
            yield AttentionRow(
                f"failed {case.case_id}",
                BEAM_MARKS[BeamStatus.FAILED],
                _("{case}: {failed} of {beams} failed: {reason}").format(
                    case=case.case_id,
                    failed=len(failed),
                    beams=counted(len(case.beams), "beam"),
                    reason=_reason(first.error, case),
                ),
                # From wherever the cursor is; `enter` goes there from this list alone.
                _("{key} goes there, {retry} retries").format(
                    key=actions.way_to("next_failed"), retry=actions.way_to("retry_target")
                ),
                case.case_id,
                f"beam {first.beam_id}",
                frozenset(beam.beam_id for beam in failed),
            )


def _held_up(snapshot: EngineSnapshot, actions: Actions) -> Iterator[AttentionRow]:
    """A row for each case; none while the HPC is unreachable, which is said once for all of them."""
    if snapshot.unreachable_since is not None:
        return
    for case in snapshot.cases:
        beams = [beam for beam in case.beams if beam.beam_id in snapshot.hold_ups]
        if beams:
            first = min(beams, key=lambda beam: snapshot.hold_ups[beam.beam_id].since)
            hold_up = snapshot.hold_ups[first.beam_id]
            yield AttentionRow(
                f"held up {case.case_id}",
                _HELD_UP,
                _("{case}: {held} of {beams} held up since {time} UTC: {reason}").format(
                    case=case.case_id,
                    held=len(beams),
                    beams=counted(len(case.beams), "beam"),
                    time=f"{hold_up.since:%H:%M:%S}",
                    reason=_reason(hold_up.reason, case),
                ),
                _way_there(actions),
                case.case_id,
                f"beam {first.beam_id}",
                frozenset(beam.beam_id for beam in beams),
            )


def _way_there(actions: Actions) -> str:
    way = actions.way_to("go_there")
    return _("{key} shows it").format(key=way) if way else ""


def _reason(error: str | None, case: CaseView) -> str:
    """Without the paths of the case's folders, which would fill the row and push out what it is about."""
    reason = error or _("no reason is known")
    for folder in (*(beam.beam_path for beam in case.beams), case.record.case_path):
        reason = reason.replace(f"{folder}{os.sep}", "")
    return reason


def _notice(snapshot: EngineSnapshot) -> str:
    """As the engine says it; its sentence about an outage in the language of the screens."""
    if snapshot.unreachable_since is None:
        return snapshot.notice
    outage = _(OUTAGE).format(time=f"{snapshot.unreachable_since:%H:%M:%S}")
    return "; ".join(filter(None, (snapshot.scan_trouble, outage)))

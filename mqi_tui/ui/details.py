"""All that is known about one beam, case or folder, in lines that the detail pane wraps; nothing is cut here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mqi_tui.domain.priority import shown_priority
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.status import BeamStatus, retry_at
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.attention import AttentionRow
from mqi_tui.ui.beam_tips import time_left_sentence
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import CASE_MARKS, FOLDER_MARKS, mark_of, state_words
from mqi_tui.ui.rows import BeamRow, CaseRow, FolderRow, FoldersRow, TreeRow
from mqi_tui.ui.text import counted, one_line
from mqi_tui.ui.tones import Line, Part, Tone

_GAP: Part = ("  ", Tone.NORMAL)


def details_of(row: TreeRow, actions: Actions) -> Sequence[Line]:
    match row:
        case BeamRow():
            return _beam_details(row, actions)
        case CaseRow():
            return _case_details(row.case)
        case FolderRow():
            return _folder_details(row)
        case FoldersRow():
            return [
                [(row.title, Tone.STRONG)],
                [(_("These folders wait, need a person, or are no case folders; each says why."), Tone.MUTED)],
            ]


def attention_details(row: AttentionRow) -> Sequence[Line]:
    lines: list[Line] = [[(f"{row.mark.glyph} ", row.mark.tone), (one_line(row.text), Tone.NORMAL)]]
    if row.remedy:
        lines.append([(row.remedy, Tone.MUTED)])
    return lines


def _beam_details(row: BeamRow, actions: Actions) -> Sequence[Line]:
    beam, mark = row.beam, mark_of(row.beam)
    facts = [
        _("GPU slot {slot}").format(slot=beam.gpu_id) if beam.gpu_id is not None else "",
        _("job {job}").format(job=one_line(beam.hpc_job_id)) if beam.hpc_job_id else "",
        _("attempt {number}").format(number=beam.attempt) if beam.attempt else "",
        _("priority {number}").format(number=priority) if (priority := shown_priority(beam)) else "",
    ]
    lines: list[Line] = [
        [
            (one_line(beam.beam_id), Tone.STRONG),
            _GAP,
            (f"{mark.glyph} {state_words(beam)}", mark.tone),
            _GAP,
            (" · ".join(filter(None, facts)), Tone.MUTED),
        ]
    ]
    if sentence := time_left_sentence(row):
        lines.append([(sentence, Tone.NORMAL)])
    if row.note:
        lines.append([(one_line(row.note), Tone.BAD if beam.error else Tone.NORMAL)])
    if beam.status is BeamStatus.FAILED:
        this, all_failed = actions.way_to("retry_target"), actions.way_to("retry_case")
        words = _("{this}: retry from this step   {all}: all failed beams of the case")
        lines.append([(words.format(this=this, all=all_failed), Tone.MUTED)])
    if beam.result_path is not None:
        lines.append([(_("dose") + " ", Tone.MUTED), (one_line(str(beam.result_path)), Tone.NORMAL)])
    if len(lines) == 1:
        lines.append([(_("folder") + " ", Tone.MUTED), (one_line(str(beam.beam_path)), Tone.NORMAL)])
    if beam.status is BeamStatus.CANCELLED:
        words = _("cancelled while {state}; {retry} goes on from {stage}")
        stages = {"state": _(beam.stage.word), "stage": _(retry_at(beam.stage).word)}
        lines.append([(words.format(retry=actions.way_to("retry_target"), **stages), Tone.MUTED)])
    return lines


def _case_details(case: CaseView) -> Sequence[Line]:
    mark = CASE_MARKS[case.status]
    return [
        [
            (one_line(case.case_id), Tone.STRONG),
            _GAP,
            (f"{mark.glyph} {_(case.status.value)}", mark.tone),
            _GAP,
            (beam_counts(case), Tone.MUTED),
        ],
        *[[(f"! {one_line(warning)}", Tone.WARNING)] for warning in case.record.warnings],
        [(_("folder") + " ", Tone.MUTED), (one_line(str(case.record.case_path)), Tone.NORMAL)],
    ]


def beam_counts(case: CaseView) -> str:
    """`5 beams: 1 computing, 3 completed, 1 failed`."""
    order = list(BeamStatus)
    counts = Counter(beam.word for beam in sorted(case.beams, key=lambda beam: order.index(beam.status)))
    words = ", ".join(_("{count} {state}").format(count=count, state=_(word)) for word, count in counts.items())
    return f"{counted(len(case.beams), 'beam')}: {words}"


def _folder_details(row: FolderRow) -> Sequence[Line]:
    folder, mark = row.folder, FOLDER_MARKS[row.folder.state]
    return [
        [(one_line(folder.path.name), Tone.STRONG), _GAP, (f"{mark.glyph} {_(folder.state.value)}", mark.tone)],
        [(one_line(folder.reason), Tone.NORMAL)],
        [(_("folder") + " ", Tone.MUTED), (one_line(str(folder.path)), Tone.NORMAL)],
    ]

"""The beams of one case side by side: a row each, with as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mqi_tui.moqui.dose import DoseSummary
from mqi_tui.ui.case_beams import UNKNOWN, CaseBeamRow, Unreadable, count_words, maximum_place, range_words
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.text import cut, fit, fit_middle, fit_right
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.workflow.inspection import BeamDose

_LETTER_WIDTH = 3
_STATE_WIDTH = 17
_ATTEMPT_WIDTH = 3
_DOSE_WIDTH = 11
_SHORTEST_NAME = 16
_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Column:
    """A number of the verified dose."""

    head: str
    width: int
    text: Callable[[BeamDose], str]
    importance: int
    """Where there is no room for all, those with the largest numbers go first."""


def _summary(text: Callable[[DoseSummary], str]) -> Callable[[BeamDose], str]:
    return lambda dose: text(dose.summary)


_COLUMNS = (
    Column(N_("max Gy"), 9, _summary(lambda found: f"{found.maximum_gy:.4g}"), 1),
    Column(N_("at x, y, z mm"), 22, maximum_place, 4),
    Column(N_("R80 mm"), 8, _summary(lambda found: range_words(found.r80_mm)), 1),
    Column(N_("hist. asked"), 11, lambda dose: count_words(dose.histories_asked), 2),
    Column(N_("hist. run"), 11, lambda dose: count_words(dose.histories_done), 3),
)


def _columns(room: int) -> list[Column]:
    """Those that fit into `room` cells, the most important first, in their order."""
    shown: list[Column] = []
    for column in sorted(_COLUMNS, key=lambda column: column.importance):
        if column.width + 1 > room:
            break
        shown.append(column)
        room -= column.width + 1
    return [column for column in _COLUMNS if column in shown]


class CaseBeamList(RowList[CaseBeamRow]):
    HELP = N_(
        "The beams of the case: state, attempt, and of a verified dose its maximum, R80 and histories. The letter is "
        "that of the beam's curve and of the report. – means that there is no verified dose, … that it is being read."
    )
    head_height = 1

    def head_line(self, width: int) -> Line:
        name, columns = self._arranged(width - 1)
        words = [
            " " + fit("", _LETTER_WIDTH) + fit(_("beam"), name),
            fit(_("state"), _STATE_WIDTH),
            fit_right(_("try"), _ATTEMPT_WIDTH),
            fit(_("dose"), _DOSE_WIDTH),
            *(fit_right(_(column.head), column.width) for column in columns),
        ]
        return [(cut(" ".join(words), width), Tone.MUTED)]

    def line_of(self, row: CaseBeamRow, width: int) -> Line:
        name, columns = self._arranged(width)
        beam, mark = row.beam, mark_of(row.beam)
        verified = row.dose is not None
        return [
            (fit(row.letter, _LETTER_WIDTH), Tone.ACCENT),
            (fit_middle(beam.beam_name, name) + " ", Tone.NORMAL),
            (fit(f"{mark.glyph} {_(beam.word)}", _STATE_WIDTH), mark.tone),
            (" " + fit_right(str(beam.attempt or "–"), _ATTEMPT_WIDTH), Tone.MUTED),
            (" " + fit(_(row.dose_word), _DOSE_WIDTH), Tone.GOOD if verified else Tone.MUTED),
            *(
                (" " + fit_right(_cell(row, column), column.width), Tone.NORMAL if verified else Tone.MUTED)
                for column in columns
            ),
        ]

    @staticmethod
    def _arranged(width: int) -> tuple[int, list[Column]]:
        """The width of the names, and which numbers are shown."""
        room = width - _LETTER_WIDTH - 1 - _STATE_WIDTH - 1 - _ATTEMPT_WIDTH - 1 - _DOSE_WIDTH
        columns = _columns(room - _SHORTEST_NAME)
        room -= sum(column.width + 1 for column in columns)
        return min(max(room, _SHORTEST_NAME), _LONGEST_NAME), columns


def _cell(row: CaseBeamRow, column: Column) -> str:
    if row.dose is not None:
        return column.text(row.dose)
    if isinstance(row.found, Unreadable):
        return _(UNKNOWN)
    return "…" if row.found is None else "–"

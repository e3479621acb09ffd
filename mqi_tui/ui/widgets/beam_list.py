"""The list of beams with one progress bar each; the columns that fit the width, the essential ones always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from mqi_tui.domain.priority import shown_priority
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import STAGE_ENDS, BeamStatus
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.beam_tips import HEAD_TIPS, BeamColumn, beam_tip
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import mark_of
from mqi_tui.ui.ordering import Order
from mqi_tui.ui.rows import BeamRow
from mqi_tui.ui.text import bar, cut, fit, fit_middle, fit_right, percent, time_left_range
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.ui.widgets.tips import under

_STATE_WIDTH = 17
_PERCENT_WIDTH = 4
_SLOT_WIDTH = 3
_TRY_WIDTH = 3
_LEFT_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells; 0 leaves a column out."""

    name: int
    bar: int
    left: int
    """How long the beam still computes."""
    job: int
    attempt: int
    note: int

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """`width` is the line without the cursor: mark, name, state, bar, percent and slot need 43 cells at least."""
        room = width - 2 - (_STATE_WIDTH + 1) - (_PERCENT_WIDTH + 1) - (_SLOT_WIDTH + 1)
        left = _LEFT_WIDTH if width >= 70 else 0
        job = 9 if width >= 90 else 6 if width >= 72 else 0
        attempt = _TRY_WIDTH if 60 <= width < 72 or width >= 82 else 0
        room -= sum(column + 1 for column in (left, job, attempt) if column)
        note = max(room - 46, 0) if room >= 60 else 0
        room -= note + 1 if note else 0
        bar_width = min(max(room // 3, 5), 24)
        return cls(name=max(room - bar_width - 1, 4), bar=bar_width, left=left, job=job, attempt=attempt, note=note)


class BeamList(RowList[BeamRow]):
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.BEAMS)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.BEAMS, Scope.LIST)
    HELP = N_(
        "The beam list: each beam with its state, how far it is on its whole way, and the GPU slot that it holds "
        "or its place in the queue (#1 is next). ● is marked. +2 after a name is the beam's priority."
    )
    head_height = 1

    @dataclass
    class OrderWanted(Message):
        """The head of a column was clicked."""

        order: Order

    class LogWanted(Message):
        """The reader wants to look at the log of the beam under the cursor."""

    class Opened(Message):
        """The reader wants to look at the beam under the cursor itself."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.shows_all_cases = False

    @property
    def selected_beam(self) -> BeamRecord | None:
        return self.cursor_row.beam if self.cursor_row else None

    def action_open_beam(self) -> None:
        self.post_message(self.Opened())

    def action_open_log(self) -> None:
        self.post_message(self.LogWanted())

    def mark_columns(self, row: BeamRow) -> range:  # noqa: ARG002
        return range(1, 3)

    def click_head(self, x: int) -> None:
        columns = Columns.for_width(self.size.width - 1)
        state = 3 + columns.name + 1
        progress = state + _STATE_WIDTH + 1
        if x < state:
            self.post_message(self.OrderWanted(Order.ID))
        elif x < progress:
            self.post_message(self.OrderWanted(Order.STATE))
        elif x < progress + columns.bar + 1 + _PERCENT_WIDTH:
            self.post_message(self.OrderWanted(Order.PROGRESS))

    def head_line(self, width: int) -> Line:
        columns = Columns.for_width(width - 1)
        words = [
            "   " + fit(_("beam"), columns.name),
            fit(_("state"), _STATE_WIDTH),
            # The word for the slots is a cell wider than their numbers.
            fit(_("progress"), columns.bar + _PERCENT_WIDTH),
            fit_right(_("slot"), _SLOT_WIDTH + 1),
            *([fit(_("left"), columns.left)] if columns.left else []),
            *([fit_right(_("try"), columns.attempt)] if columns.attempt else []),
            *([fit(_("job"), columns.job)] if columns.job else []),
            *([fit(_("note"), columns.note)] if columns.note else []),
        ]
        return [(cut(" ".join(words), width), Tone.MUTED)]

    def head_tip(self, x: int) -> str:
        column = self._column_at(self.rows[0], x)
        return _(HEAD_TIPS[column]) if column is not None else ""

    def row_tip(self, row: BeamRow, x: int) -> str:
        column = self._column_at(row, x)
        return beam_tip(row, column) if column is not None else ""

    def _column_at(self, row: BeamRow, x: int) -> BeamColumn | None:
        # The cursor takes the first cell.
        cells = self._cells_of(row, self.scrollable_content_region.width - 1)
        return under(x - 1, ((text, column) for column, text, _ in cells))

    def line_of(self, row: BeamRow, width: int) -> Line:
        return [(text, tone) for _, text, tone in self._cells_of(row, width)]

    def _cells_of(self, row: BeamRow, width: int) -> list[tuple[BeamColumn, str, Tone]]:
        beam, columns = row.beam, Columns.for_width(width)
        mark = mark_of(beam)
        done, still_open = bar(beam.progress, columns.bar, STAGE_ENDS)
        bar_tone = mark.tone if beam.status is not BeamStatus.NEW else Tone.MUTED
        name = beam.beam_id if self.shows_all_cases else beam.beam_name
        priority = f" {shown}" if (shown := shown_priority(beam)) else ""
        cells = [
            (BeamColumn.MARK, "● " if row.is_marked else "  ", Tone.ACCENT),
            (BeamColumn.NAME, fit_middle(name, columns.name - len(priority)), Tone.NORMAL),
            (BeamColumn.NAME, priority, Tone.ACCENT),
            (BeamColumn.STATE, " " + fit(f"{mark.glyph} {_(beam.word)}", _STATE_WIDTH) + " ", mark.tone),
            (BeamColumn.PROGRESS, done, bar_tone),
            (BeamColumn.PROGRESS, still_open + " ", Tone.MUTED),
            (BeamColumn.PROGRESS, fit_right(percent(beam.progress), _PERCENT_WIDTH) + " ", Tone.NORMAL),
            (BeamColumn.SLOT, fit_right(_slot_or_place(row), _SLOT_WIDTH), Tone.NORMAL),
        ]
        if columns.left:
            cells.append((BeamColumn.LEFT, " " + fit(_time_left(row), columns.left), Tone.MUTED))
        if columns.attempt:
            text = " " + fit_right(str(beam.attempt or "–"), columns.attempt)
            cells.append((BeamColumn.ATTEMPT, text, Tone.MUTED))
        if columns.job:
            cells.append((BeamColumn.JOB, " " + fit_middle(beam.hpc_job_id or "–", columns.job), Tone.MUTED))
        if columns.note:
            tone = Tone.BAD if beam.error else Tone.MUTED
            cells.append((BeamColumn.NOTE, " " + cut(row.note, columns.note), tone))
        return cells


def _slot_or_place(row: BeamRow) -> str:
    """The number of the slot that is held, or `#2` for the second place in the queue."""
    if row.beam.gpu_id is not None:
        return str(row.beam.gpu_id)
    return f"#{row.queue_position}" if row.queue_position else "–"


def _time_left(row: BeamRow) -> str:
    left = row.time_left or row.usual_time
    if left is not None:
        return time_left_range(left)
    return _("unknown") if row.will_compute or row.beam.status is BeamStatus.HPC_RUNNING else "–"

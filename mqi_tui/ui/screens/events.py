"""The latest events, newest at the end; the one under the cursor in full below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from mqi_tui.domain.records import EventRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.actions import Actions, Scope
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import event_mark
from mqi_tui.ui.screens.help import HelpScreen
from mqi_tui.ui.screens.info import InfoScreen
from mqi_tui.ui.text import one_line
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.event_line import event_parts
from mqi_tui.ui.widgets.row_list import RowList


@dataclass(frozen=True, slots=True)
class EventRow:
    event: EventRecord

    @property
    def key(self) -> str:
        return str(self.event.event_id)


class EventList(RowList[EventRow]):
    HELP = N_(
        "What has happened, the newest at the end; what happens meanwhile is added there. The event under the cursor "
        "stands in full below."
    )

    def line_of(self, row: EventRow, width: int) -> Line:
        return event_parts(row.event, width)


class EventsScreen(InfoScreen[None]):
    CSS_PATH = "events.tcss"
    # With the ids of the main screen's actions, so that a person's own keys for these hold here, too.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "leave", show=False, id="MAIN.events"),
        Binding("question_mark,f1", "help", show=False, id="MAIN.help"),
    ]

    def __init__(self, snapshot: EngineSnapshot, actions: Actions) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._actions = actions

    def compose(self) -> ComposeResult:
        with Vertical(id="events") as pane:
            pane.border_title = Content(_("Events"))
            key = next(action.shown_key for action in self._actions.of(Scope.MAIN) if action.name == "help")
            pane.border_subtitle = Content(_("{key} help · esc close").format(key=key) if key else _("esc close"))
            yield EventList(id="event-list")
            yield DetailPane(id="event-detail")

    def on_mount(self) -> None:
        events = self.query_one(EventList)
        events.set_placeholder(_("Nothing has happened yet."))
        events.focus()
        self.show(self._snapshot)
        events.move_to(len(events.rows) - 1)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self._actions, self.focused, ()))

    def show(self, snapshot: EngineSnapshot) -> None:
        """New events come at the end; a cursor that is there stays there."""
        self._snapshot = snapshot
        if not self.query(EventList):
            return  # not composed yet; on_mount shows what was kept
        events = self.query_one(EventList)
        was_at_end = not events.rows or (events.cursor_row is events.rows[-1] and events.shows_cursor)
        events.set_rows([EventRow(event) for event in snapshot.events])
        if was_at_end:
            events.move_to(len(events.rows) - 1)
        self._show_detail()

    @on(RowList.Highlighted)
    def _show_detail(self) -> None:
        row = self.query_one(EventList).cursor_row
        if row is None:
            return
        event, mark = row.event, event_mark(row.event.level)
        subject = event.beam_id or event.case_id or _("engine")
        lines: list[Line] = [
            [(f"{event.at:%Y-%m-%d %H:%M:%S} UTC  ", Tone.MUTED), (one_line(subject), Tone.STRONG)],
            [(f"{mark.glyph} {one_line(event.message)}", mark.tone if event.level != "info" else Tone.NORMAL)],
        ]
        self.query_one(DetailPane).show(_(event.level), lines)

"""The latest event on one line."""

from __future__ import annotations

from mqi_tui.domain.records import EventRecord
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import event_mark
from mqi_tui.ui.text import cut, cut_middle
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.one_line import OneLine

_TIME_WIDTH = len("00:00:00") + 1


class EventLine(OneLine):
    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._event: EventRecord | None = None

    def show(self, event: EventRecord | None) -> None:
        if event != self._event:
            self._event = event
            self.refresh()
            self.renew_tip()

    def tip_at(self, x: int, y: int) -> str:  # noqa: ARG002
        event = self._event
        if event is None:
            return ""
        return f"{_('The latest event, {time} UTC:').format(time=f'{event.at:%Y-%m-%d %H:%M:%S}')}\n{event.message}"

    def line(self, width: int) -> Line:
        if self._event is None:
            return [(" " + _("no events yet"), Tone.MUTED)]
        return [(" ", Tone.NORMAL), *event_parts(self._event, width - 2)]


def event_parts(event: EventRecord, width: int) -> Line:
    """The event's time, mark, subject and message on one line of at most `width` cells."""
    mark = event_mark(event.level)
    subject = cut_middle(event.beam_id or event.case_id or _("engine"), width // 3) + ": "
    room = width - _TIME_WIDTH - 2
    message = cut(subject + event.message, room)
    message_tone = mark.tone if event.level != "info" else Tone.NORMAL
    return [
        (f"{event.at:%H:%M:%S} ", Tone.MUTED),
        (f"{mark.glyph} ", mark.tone),
        (message[: len(subject)], Tone.MUTED),
        (message[len(subject) :], message_tone),
    ]

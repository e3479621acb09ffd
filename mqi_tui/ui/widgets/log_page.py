"""The lines of a log that are kept, on a pane: scrolled, wrapped, searched and copied; they come at their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mqi_tui.domain.text import printable
from mqi_tui.moqui.log_errors import find_error
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.log_layout import LogLayout, rows_of
from mqi_tui.ui.log_window import LogWindow
from mqi_tui.ui.screens.search import SearchScreen
from mqi_tui.ui.text import counted, cut
from mqi_tui.ui.tones import TONE_CLASSES, Line, Part, Tone, paint, paint_instead

_MARGIN: Part = (" ", Tone.NORMAL)
_GONE_TO: Part = ("►", Tone.KEY)
"""In the margin of the line that was last gone to: it need not be the one at the top, as near the log's end."""
_MEANING = "  ◂ {}"
"""What an error of the engine means, after its line."""
_NO_ERROR = N_("No other error below in this log."), N_("No other error above in this log.")
_NO_MATCH = N_("No match below in this log."), N_("No match above in this log.")
_NARROWEST_ROW = 8
_QUOTED = 60
_SMALL_CLIPBOARD = 74_994
"""Bytes of text that every terminal takes that has OSC 52 at all; more is 100,000 bytes of base64, where some stop."""


class LogPage(ScrollView, can_focus=True):
    """What is at its end follows it, unless the reader scrolled up; then nothing slides under him."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._window = LogWindow()
        self._layout = LogLayout()
        self._rows: tuple[Line, int, Sequence[Line]] = ([], 0, [])
        """The line that was last broken into rows, the width of its rows, and they: most of the next are of it too."""
        self._unwrapped_x = 0.0
        """How far to the right it was scrolled before lines were wrapped."""
        self._follows = True
        """Whether it stood at its end when it was last scrolled; a pane that shrinks moves the end away from it."""
        self._gone_to: int | None = None
        """The line that was last looked for and found."""
        self._words = ""
        """What is looked for."""

    def _why_empty(self) -> str:
        """What stands there while there are no lines."""
        raise NotImplementedError

    def _show_title(self) -> None:
        """Bring the title up to date with what is shown."""
        raise NotImplementedError

    @property
    def lines(self) -> list[str]:
        """The lines that are kept, cleaned."""
        return [self._window[number] for number in range(self._count)]

    @property
    def is_following(self) -> bool:
        return self._follows or self._is_at_end

    @property
    def _is_at_end(self) -> bool:
        return round(self.scroll_y) >= self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._count:
            return paint_instead(self, self._why_empty(), y, width)
        row = self.scroll_offset.y + y
        if row >= self._layout.rows:
            return paint(self, [], width)
        number, row_of_line = self._layout.place_of(row)
        line = self._line_of(self._window[number])
        margin = _GONE_TO if number == self._gone_to else _MARGIN
        if self._layout.row_width:
            return paint(self, [margin, *self._wrapped(line)[row_of_line]], width)
        left, room = self.scroll_offset.x, max(width - 1, 0)
        text = paint(self, line, max(self._layout.widest, left + room)).crop(left, left + room)
        return Strip.join([paint(self, [margin], min(width, 1)), text])

    def _wrapped(self, line: Line) -> Sequence[Line]:
        row_width = self._layout.row_width
        if self._rows[:2] != (line, row_width):
            self._rows = line, row_width, rows_of(line, row_width)
        return self._rows[2]

    def scroll_to(self, x: float | None = None, y: float | None = None, **options: Any) -> None:
        """At once, whatever the options say of it: the next key acts on what is at the top by then."""
        super().scroll_to(x, y, **options | {"animate": False, "immediate": True})

    def scroll_end(self, **options: Any) -> None:
        """As `scroll_to`."""
        super().scroll_end(**options | {"animate": False, "immediate": True})

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # In a pane that has grown, the end that was scrolled to is beyond it: a step up would begin there, unseen.
        self.scroll_target_y = min(self.scroll_target_y, self.max_scroll_y)
        self._follows = self._is_at_end
        self._show_title()

    def action_wrap(self) -> None:
        """Break long lines into rows, or go back to one row each; the line at the top stays there."""
        if self._layout.row_width:
            self._lay_out(0, x=self._unwrapped_x)
        else:
            self._unwrapped_x = self.scroll_x
            self._lay_out(self._room_for_row, x=0)

    def action_copy_page(self) -> None:
        """Every line of which something is to be seen, whole."""
        if not self._count:
            self._say(self._why_empty())
            return
        top = self._layout.place_of(round(self.scroll_y))[0]
        last = self._layout.place_of(min(round(self.scroll_y) + self.size.height, self._layout.rows) - 1)[0]
        lines = [self._window[number] for number in range(top, last + 1)]
        self._copy("\n".join(lines), _("{lines} of the log").format(lines=counted(len(lines), "line")))

    def action_copy_line(self) -> None:
        """The line that was last gone to, as long as it is to be seen; else the one at the top."""
        if not self._count:
            self._say(self._why_empty())
            return
        number = self._layout.place_of(round(self.scroll_y))[0]
        if self._gone_to is not None and self._is_seen(self._gone_to):
            number = self._gone_to
        line = self._window[number]
        self._copy(line, _("The line “{line}”").format(line=cut(line.strip(), _QUOTED)))

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        size = len(text.encode())
        told = [_("{what}: {size} bytes.").format(what=what, size=f"{size:,}")]
        if size > _SMALL_CLIPBOARD:
            told.append(_("Some terminals take no more than {size}.").format(size=f"{_SMALL_CLIPBOARD:,}"))
        # The terminal does it, and does not say whether it did.
        self.notify(" ".join(told), title=_("Handed to the clipboard"), markup=False)

    def _say(self, text: str) -> None:
        self.notify(printable(text), severity="warning", markup=False)

    def action_next_error(self) -> None:
        self._go_to_line(_cell_of_error, 1, _NO_ERROR)

    def action_previous_error(self) -> None:
        self._go_to_line(_cell_of_error, -1, _NO_ERROR)

    def action_search(self) -> None:
        self.app.push_screen(SearchScreen(self._words), self._search)

    def action_next_match(self) -> None:
        self._go_to_match(1)

    def action_previous_match(self) -> None:
        self._go_to_match(-1)

    def _search(self, words: str | None) -> None:
        if words is None:
            return
        self._words = words
        self.refresh()
        if words:
            top = self._layout.place_of(round(self.scroll_y))[0]
            page = range(top, min(top + self.size.height, self._count))
            self._gone_to = next((number for number in page if self._is_match_seen(number)), None)
            if self._gone_to is None:
                self._go_to_match(1)

    def _is_match_seen(self, number: int) -> bool:
        cell = self._cell_of_match(self._window[number])
        return cell is not None and 0 <= self._layout.row_at(number, cell) - round(self.scroll_y) < self.size.height

    def _go_to_match(self, step: int) -> None:
        if self._words:
            self._go_to_line(self._cell_of_match, step, _NO_MATCH)
        else:
            self.action_search()

    def _cell_of_match(self, line: str) -> int | None:
        match = self._match(line)
        return None if match is None else cell_len(line[: match.start()])

    def _match(self, line: str) -> re.Match[str] | None:
        return re.search(re.escape(self._words), line, re.IGNORECASE) if self._words else None

    @property
    def _count(self) -> int:
        return len(self._window)

    def _go_to_line(self, cell_of: Callable[[str], int | None], step: int, nothing: tuple[str, str]) -> None:
        """Put the next line with what is wanted at the top, or as near as the log's end allows; step -1 looks upwards.

        It is looked for from the line that was last gone to, as long as that is seen; else through what is seen and on.
        `cell_of` says where in a line it is, or None; of a wrapped line, that row is put at the top. `nothing` says
        that there is none below, or above.
        """
        top = round(self.scroll_y)
        edge = top if step > 0 else min(top + self.size.height, self._layout.rows) - 1
        begin = self._layout.place_of(edge)[0]
        if self._gone_to is not None and self._is_seen(self._gone_to):
            begin = self._gone_to + step
        for number in range(begin, self._count if step > 0 else -1, step):
            cell = cell_of(self._window[number])
            if cell is None:
                continue
            row = self._layout.row_at(number, cell)
            # Of a line that is seen in part, it may stand on a row before the edge.
            if (row - edge) * step >= 0:
                self._gone_to = number
                self.scroll_to(y=min(row, self.max_scroll_y), force=True)
                self.refresh()
                return
        self.notify(_(nothing[0] if step > 0 else nothing[1]), markup=False)

    def _is_seen(self, number: int) -> bool:
        top = round(self.scroll_y)
        following = self._layout.first_row(number + 1)
        return following > top and self._layout.first_row(number) < top + self.size.height

    def _line_of(self, text: str) -> Line:
        error = find_error(text)
        tone = Tone.NORMAL if error is None else Tone.BAD
        meaning: Line = [] if error is None else [(_MEANING.format(error.meaning), Tone.WARNING)]
        match = self._match(text)
        if match is None:
            return [(text, tone), *meaning]
        begin, end = match.span()
        return [(text[:begin], tone), (text[begin:end], Tone.KEY), (text[end:], tone), *meaning]

    def on_resize(self) -> None:
        if self._layout.row_width not in {0, self._room_for_row}:
            self._lay_out(self._room_for_row, x=0)
        # A log of which the end has come into view without being scrolled follows it, too.
        self._follows = self.is_following
        if self._follows:
            self.scroll_to(y=self.max_scroll_y, force=True)
        self._show_title()

    @property
    def _room_for_row(self) -> int:
        """What is left beside the margin, the scrollbar, and the cell that a wide character may need more."""
        return max(self.content_region.width - 3, _NARROWEST_ROW)

    def _lay_out(self, row_width: int, *, x: float) -> None:
        follows = self.is_following
        top = self._layout.place_of(round(self.scroll_y))[0]
        self._layout.wrap_at(row_width)
        self._measure()
        y = self.max_scroll_y if follows else self._layout.first_row(top)
        self.scroll_to(x, y, force=True)
        self.refresh()

    def _measure(self) -> None:
        width = 0 if self._layout.row_width else self._layout.widest + 1
        self.virtual_size = Size(width, self._layout.rows)

    def _add(self, text: str, *, follow: bool) -> int:
        """Show a piece more of the log; returns how many of the oldest lines went for it."""
        count_before = self._count
        dropped = self._window.feed(text)
        first_new = max(count_before - dropped - 1, 0)
        dropped_rows = self._layout.first_row(min(dropped, count_before))
        new_lines = (self._line_of(self._window[number]) for number in range(first_new, self._count))
        self._layout.change(dropped, first_new, (sum(cell_len(part) for part, _ in line) for line in new_lines))
        if self._gone_to is not None:
            self._gone_to = self._gone_to - dropped if self._gone_to >= dropped else None
        self._measure()
        self.refresh()
        if follow:
            self.scroll_end(force=True, x_axis=False)
        elif dropped:
            self.scroll_to(y=max(self.scroll_y - dropped_rows, 0), force=True)
        return dropped

    def _clear(self) -> None:
        self._window.clear()
        self._layout.change(0, 0, ())
        self._gone_to = None
        self._follows = True
        self.virtual_size = Size(0, 0)
        self.scroll_to(0, 0, force=True)
        self.refresh()


def _cell_of_error(line: str) -> int | None:
    return None if find_error(line) is None else 0

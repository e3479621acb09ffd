"""A list that draws its own lines: rows are known by key, so cursor and scroll survive every update."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.tones import TONE_CLASSES, Line, Tone, paint, paint_instead
from mqi_tui.ui.widgets.tips import Tips


class Row(Protocol):
    """A frozen value; rows that compare equal look the same."""

    @property
    def key(self) -> str: ...


R = TypeVar("R", bound=Row)

CURSOR = "▌"


class RowList(ScrollView, Tips, Generic[R], can_focus=True):
    """Shows rows under a fixed head of `head_height` lines; repaints only the lines that changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row--cursor", "row--unfocused-cursor", "row--head", *TONE_CLASSES}
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LIST)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LIST,)

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row; `key` is None when there are no rows."""

        sender: Widget
        key: str | None

        @property
        def control(self) -> Widget:
            return self.sender

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowList.Highlighted) and message.sender is self.sender

    @dataclass
    class MarkWanted(Message):
        """The mark of a row was clicked, or a row with ctrl."""

        row: Row

    head_height: ClassVar[int] = 0

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: Sequence[R] = ()
        self._positions: dict[str, int] = {}
        self._cursor = 0
        self._placeholder = ""
        self._title = ""
        self._lines_before = 0
        """For how many rows there was room before the size changed."""

    @abstractmethod
    def line_of(self, row: R, width: int) -> Line:
        """The row's parts, one cell at the left left out for the cursor: `width` cells in all."""

    def head_line(self, width: int) -> Line:
        """The fixed head, if `head_height` is 1."""
        return [(" " * width, Tone.MUTED)]

    @property
    def rows(self) -> Sequence[R]:
        return self._rows

    @property
    def cursor_row(self) -> R | None:
        return self._rows[self._cursor] if self._rows else None

    @property
    def shows_cursor(self) -> bool:
        """Whether the cursor's row is in sight; True while nothing is."""
        return self._is_in_sight(self._cursor, self._lines)

    def set_title(self, text: str) -> None:
        """What stands in the border; set only when it changes, for that repaints every row."""
        if text != self._title:
            self._title = text
            self.border_title = Content(text)

    def set_placeholder(self, text: str) -> None:
        """What is said while there are no rows."""
        if text != self._placeholder:
            self._placeholder = text
            self.refresh()

    def set_rows(self, rows: Sequence[R]) -> None:
        """Show these rows instead; the cursor stays with its row's key.

        That row stays at its place on the screen; or, if it was not in sight, the first one that was.
        """
        before, key_before = self._rows, self.cursor_row.key if self.cursor_row else None
        self._rows = rows
        if len(before) == len(rows) and all(old.key == new.key for old, new in zip(before, rows, strict=True)):
            for position, (old, new) in enumerate(zip(before, rows, strict=True)):
                if old is not new and old != new:
                    self._refresh_what_differs(position, old, new)
            self.renew_tip()
            return
        shows_cursor, top = self.shows_cursor, round(self.scroll_y)
        anchor = self._cursor if shows_cursor else min(top, len(before) - 1)
        anchor_key = before[anchor].key if before else ""
        self._positions = {row.key: position for position, row in enumerate(rows)}
        self._cursor = min(self._positions.get(key_before or "", self._cursor), max(len(rows) - 1, 0))
        self.virtual_size = Size(0, len(rows) + self.head_height)
        self.refresh()
        place = self._cursor if shows_cursor else self._positions.get(anchor_key, anchor)
        if place != anchor:
            self.scroll_to(y=max(place + top - anchor, 0), animate=False, force=True, immediate=True)
        if shows_cursor:
            self._show_cursor()
        self.renew_tip()
        key = self.cursor_row.key if self.cursor_row else None
        if key != key_before:
            self.post_message(self.Highlighted(self, key))

    def move_to_key(self, key: str) -> bool:
        """Put the cursor on the row with this key; False if there is none."""
        position = self._positions.get(key)
        if position is None:
            return False
        self.move_to(position)
        return True

    def move_to(self, position: int) -> None:
        position = min(max(position, 0), max(len(self._rows) - 1, 0))
        if position != self._cursor and self._rows:
            self._refresh_row(self._cursor)
            self._cursor = position
            self._refresh_row(position)
            self.post_message(self.Highlighted(self, self._rows[position].key))
        self._show_cursor()

    def move_by(self, step: int) -> None:
        self.move_to(self._cursor + step)

    def rows_between(self, one: str, other: str) -> Sequence[R]:
        """The rows from one key to the other, both included, in whatever order; empty if either is not here."""
        places = sorted(self._positions[key] for key in (one, other) if key in self._positions)
        return self._rows[places[0] : places[-1] + 1] if one in self._positions and other in self._positions else ()

    def click_head(self, x: int) -> None:
        """The head was clicked, `x` cells from the left."""

    def mark_columns(self, row: R) -> range:  # noqa: ARG002
        """Where the row's line shows its mark, from the cursor at 0 on; empty for one that shows none."""
        return range(0)

    def head_tip(self, x: int) -> str:  # noqa: ARG002
        """What the head says there, `x` cells from the left, in a sentence; empty where there is nothing to say."""
        return ""

    def row_tip(self, row: R, x: int) -> str:  # noqa: ARG002
        """The same for a row."""
        return ""

    def tip_at(self, x: int, y: int) -> str:
        position = self.scroll_offset.y + y - self.head_height
        if not self._rows or position >= len(self._rows):
            return ""
        return self.head_tip(x) if y < self.head_height else self.row_tip(self._rows[position], x)

    def click_row(self, row: R, x: int) -> bool:  # noqa: ARG002
        """The row was clicked, `x` cells from the left; whether that is more than to put the cursor there."""
        return False

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._rows:
            return paint_instead(self, self._placeholder, y, width)
        if y < self.head_height:
            return paint(self, self.head_line(width), width, "row--head")
        position = self.scroll_offset.y + y - self.head_height
        if position >= len(self._rows):
            return paint(self, [], width)
        line = self.line_of(self._rows[position], width - 1)
        if position != self._cursor:
            return paint(self, [(" ", Tone.NORMAL), *line], width)
        cursor = "row--cursor" if self.has_focus else "row--unfocused-cursor"
        return paint(self, [(CURSOR, Tone.ACCENT if self.has_focus else Tone.MUTED), *line], width, cursor)

    def action_cursor_up(self) -> None:
        self.move_to(self._cursor - 1)

    def action_cursor_down(self) -> None:
        self.move_to(self._cursor + 1)

    def action_page_up(self) -> None:
        self.move_to(self._cursor - self._page)

    def action_page_down(self) -> None:
        self.move_to(self._cursor + self._page)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._rows) - 1)

    def on_focus(self) -> None:
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        self._refresh_row(self._cursor)

    def on_resize(self) -> None:
        self.refresh()
        if self._is_in_sight(self._cursor, self._lines_before):
            self._show_cursor()
        self._lines_before = self._lines

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < self.head_height:
            self.click_head(offset.x)
            return
        position = self.scroll_offset.y + offset.y - self.head_height
        if position >= len(self._rows):
            return
        self.move_to(position)
        row = self._rows[position]
        if event.ctrl or offset.x in self.mark_columns(row):
            self.post_message(self.MarkWanted(row))
        elif not self.click_row(row, offset.x) and event.chain == 2:
            # Whatever enter does where the list is; the first of the two clicks has brought the focus.
            self.app.simulate_key("enter")

    @property
    def _page(self) -> int:
        return max(self.size.height - self.head_height - 1, 1)

    def _refresh_row(self, position: int, begin: int = 0, end: int | None = None) -> None:
        """The row's cells from `begin` up to `end`, if it is in sight."""
        y = position - self.scroll_offset.y + self.head_height
        if self.head_height <= y < self.size.height:
            width = self.size.width
            self.refresh(Region(begin, y, (width if end is None else min(end, width)) - begin, 1))

    def _refresh_what_differs(self, position: int, old: R, new: R) -> None:
        """Many changes of a row do not show, and most that do are a few cells: the rest is not sent again."""
        y = position - self.scroll_offset.y + self.head_height
        if not self.head_height <= y < self.size.height:
            return
        width = self.scrollable_content_region.width - 1
        differing = _differing_cells(self.line_of(old, width), self.line_of(new, width))
        if differing is not None:
            # The cursor takes the first cell.
            self._refresh_row(position, *(1 + cell for cell in differing))

    @property
    def _lines(self) -> int:
        """For how many rows there is room."""
        return self.size.height - self.head_height

    def _is_in_sight(self, position: int, lines: int) -> bool:
        return lines <= 0 or 0 <= position - round(self.scroll_y) < lines

    def _show_cursor(self) -> None:
        if self.shows_cursor:
            return
        top = self._cursor if self._cursor < round(self.scroll_y) else self._cursor - self._lines + 1
        self.scroll_to(y=top, animate=False, force=True, immediate=True)


def _differing_cells(old: Line, new: Line) -> tuple[int, int] | None:
    """From which cell up to which the lines differ, in whole parts; None if they look the same."""
    if len(old) != len(new) or any(cell_len(a[0]) != cell_len(b[0]) for a, b in zip(old, new, strict=True)):
        return None if old == new else (0, max(sum(cell_len(text) for text, _ in line) for line in (old, new)))
    begin = end = None
    cell = 0
    for before, after in zip(old, new, strict=True):
        width = cell_len(after[0])
        if before != after:
            begin = cell if begin is None else begin
            end = cell + width
        cell += width
    return None if begin is None or end is None else (begin, end)

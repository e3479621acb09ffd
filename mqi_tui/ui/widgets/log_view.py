"""The live log of one beam: read by byte offset in batches, following its end unless the reader scrolled up."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import Worker

from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.moqui.log_errors import find_error
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.log_window import LogWindow
from mqi_tui.ui.screens.search import SearchScreen
from mqi_tui.ui.text import cut_middle, one_line, wrap
from mqi_tui.ui.tones import TONE_CLASSES, Line, Tone, paint
from mqi_tui.workflow.control import EngineControl, LogChunk

log = logging.getLogger(__name__)

CHUNK_BYTES = 65_536
LIVE_INTERVAL_SECONDS = 1.0
REST_INTERVAL_SECONDS = 5.0
_MEANING = "  ◂ {}"
"""What an error of the engine means, after its line."""
_NO_ERROR = N_("No other error below in this log."), N_("No other error above in this log.")
_NO_MATCH = N_("No match below in this log."), N_("No match above in this log.")
_SETTLE_SECONDS = 0.15
"""A cursor that runs down a list must not read every log on its way."""


class LogView(ScrollView, can_focus=True):
    """Shows the log of the beam given to `show_beam`; begins with the log's last part."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.LOG), *bindings_of(Scope.LOG_ALONE)]
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG_ALONE, Scope.LOG)
    HELP = N_("The log of the selected beam's latest attempt, read live. It follows its end until you scroll up.")

    def __init__(self, engine: EngineControl, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._engine = engine
        self._beam: BeamRecord | None = None
        self._window = LogWindow()
        self._widest = 0
        self._is_cut_off = False
        self._attempt = 0
        self._offset = -1
        self._trouble = ""
        self._title = ""
        self._words = ""
        """What is looked for."""
        self._news = asyncio.Event()
        self._show_title()

    @property
    def lines(self) -> list[str]:
        """The lines that are kept, cleaned."""
        return [self._window[number] for number in range(len(self._window))]

    @property
    def is_following(self) -> bool:
        return round(self.scroll_y) >= self.max_scroll_y

    def show_beam(self, beam: BeamRecord | None) -> None:
        """Follow the log of this beam; the same beam with a newer record goes on where it is."""
        before, self._beam = self._beam, beam
        if (before.beam_id if before else None) == (beam.beam_id if beam else None):
            if before != beam:
                self._news.set()
            return
        self._begin_anew(attempt=0)
        self._trouble = ""
        self._show_title()
        if beam is not None:
            beam_id = beam.beam_id

            # Not its coroutine, which nobody would await where the next beam takes this one's place at once.
            async def follow() -> None:
                await self._follow(beam_id)

            self._following: Worker[None] = self.run_worker(follow, group="log", exclusive=True)
        else:
            self.workers.cancel_group(self, "log")

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not len(self._window):
            lines = wrap(self._why_empty(), width - 2)
            return paint(self, [(f" {lines[y]}", Tone.MUTED)] if y < len(lines) else [], width)
        number = self.scroll_offset.y + y
        if number >= len(self._window):
            return paint(self, [], width)
        left = self.scroll_offset.x
        strip = paint(self, self._line_of(self._window[number]), max(self._widest + 1, width))
        return strip.crop(left, left + width)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._show_title()

    def action_next_error(self) -> None:
        self._go_to_line(_tells_error, 1, _NO_ERROR)

    def action_previous_error(self) -> None:
        self._go_to_line(_tells_error, -1, _NO_ERROR)

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
            top = round(self.scroll_y)
            if not any(self._matches(self._window[n]) for n in range(top, min(top + self.size.height, self._count))):
                self._go_to_match(1)

    def _go_to_match(self, step: int) -> None:
        if self._words:
            self._go_to_line(self._matches, step, _NO_MATCH)
        else:
            self.action_search()

    def _matches(self, line: str) -> bool:
        return self._match(line) is not None

    def _match(self, line: str) -> re.Match[str] | None:
        return re.search(re.escape(self._words), line, re.IGNORECASE) if self._words else None

    @property
    def _count(self) -> int:
        return len(self._window)

    def _go_to_line(self, is_wanted: Callable[[str], bool], step: int, nothing: tuple[str, str]) -> None:
        """Put the next line that is wanted at the top, or as near as the log's end allows; step -1 looks upwards.

        `nothing` says that there is none below, or above.
        """
        top = round(self.scroll_y)
        for number in range(top + step, self._count if step > 0 else -1, step):
            if is_wanted(self._window[number]) and min(number, self.max_scroll_y) != top:
                self.scroll_to(y=number, animate=False, force=True, immediate=True)
                return
        self.notify(_(nothing[0] if step > 0 else nothing[1]), markup=False)

    def _line_of(self, text: str) -> Line:
        error = find_error(text)
        tone = Tone.NORMAL if error is None else Tone.BAD
        meaning: Line = [] if error is None else [(_MEANING.format(error.meaning), Tone.WARNING)]
        match = self._match(text)
        if match is None:
            return [(" " + text, tone), *meaning]
        begin, end = match.span()
        return [(" " + text[:begin], tone), (text[begin:end], Tone.KEY), (text[end:], tone), *meaning]

    def on_resize(self) -> None:
        # In a pane that has grown, the end that was scrolled to is beyond it: a step up would begin there, unseen.
        self.scroll_target_y = min(self.scroll_target_y, self.max_scroll_y)

    async def _follow(self, beam_id: str) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        while True:
            got_more = False
            # A reader who scrolled up keeps what he reads: nothing is lost, the file is read on from its offset.
            if self.is_following or not self._window.is_full:
                got_more = await self._read_once(beam_id)
            if not got_more:
                await self._rest()

    async def _rest(self) -> None:
        """Until it is time to look again: after the interval, or when the beam itself has changed."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await self._news.wait()

    async def _read_once(self, beam_id: str) -> bool:
        try:
            got_more = self._take(await self._engine.read_log(beam_id, self._offset, CHUNK_BYTES))
        except MqiError as error:
            self._report_trouble(str(error))
            return False
        except Exception as error:
            log.exception("defect in reading the log of %s", beam_id)
            self._report_trouble(f"{type(error).__name__}: {error}")
            return False
        self._report_trouble("")
        return got_more

    def _take(self, chunk: LogChunk) -> bool:
        """Show the chunk; True when there may be more to read right away."""
        if chunk.attempt != self._attempt:
            is_first = self._attempt == 0 and self._offset < 0
            self._begin_anew(attempt=chunk.attempt)
            if not is_first:
                return True
        was_following = self.is_following
        text = chunk.text
        if self._offset < 0 and chunk.start > 0:
            self._is_cut_off = True
            text = text.partition("\n")[2]
        self._offset = chunk.next_offset if chunk.attempt else -1
        if not text:
            return False
        self._add(text, follow=was_following)
        return True

    def _add(self, text: str, *, follow: bool) -> None:
        count_before = len(self._window)
        dropped = self._window.feed(text)
        self._is_cut_off = self._is_cut_off or dropped > 0
        first_new = max(count_before - dropped - 1, 0)
        widest_new = max(
            (
                sum(cell_len(part) for part, _ in self._line_of(self._window[number]))
                for number in range(first_new, len(self._window))
            ),
            default=0,
        )
        self._widest = max(self._widest, widest_new)
        self.virtual_size = Size(self._widest + 1, len(self._window))
        self.refresh()
        if follow:
            self.scroll_end(animate=False, force=True, immediate=True, x_axis=False)
        elif dropped:
            self.scroll_to(y=max(self.scroll_y - dropped, 0), animate=False, force=True, immediate=True)
        self._show_title()

    def _begin_anew(self, *, attempt: int) -> None:
        self._window.clear()
        self._attempt, self._offset, self._widest, self._is_cut_off = attempt, -1, 0, False
        self.virtual_size = Size(0, 0)
        self.scroll_to(0, 0, animate=False, force=True, immediate=True)
        self.refresh()
        self._show_title()

    @property
    def _interval(self) -> float:
        is_live = self._beam is not None and self._beam.status.is_active
        return LIVE_INTERVAL_SECONDS if is_live else REST_INTERVAL_SECONDS

    def _report_trouble(self, text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            self._show_title()
            self.refresh()

    def _why_empty(self) -> str:
        if self._beam is None:
            return _("No beam is selected.")
        if self._trouble:
            return _("The log cannot be read now: {trouble}").format(trouble=self._trouble)
        if not self._beam.attempt:
            return _("There is no log yet: it begins when the beam computes on a GPU.")
        return _("The log is empty so far.")

    def _show_title(self) -> None:
        if self._beam is None:
            title = _("Log")
        else:
            notes = [
                _("attempt {number}").format(number=self._attempt) if self._attempt else "",
                _("its last part") if self._is_cut_off else "",
                "" if self.is_following else _("scrolled up, end follows again"),
                f"! {one_line(self._trouble)}" if self._trouble else "",
            ]
            name = _("Log of {beam}").format(beam=cut_middle(self._beam.beam_id, 40))
            title = " · ".join([name, *filter(None, notes)])
        if title != self._title:
            self._title = title
            self.border_title = Content(title)


def _tells_error(line: str) -> bool:
    return find_error(line) is not None

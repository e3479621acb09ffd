"""The live log of one beam: read by byte offset in batches, following its end unless the reader scrolled up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.worker import Worker

from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.records import BeamRecord
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.commands import CommandRunner
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.log_saving import LogSaving
from mqi_tui.ui.text import cut_middle, one_line, percent
from mqi_tui.ui.widgets.log_page import LogPage
from mqi_tui.workflow.control import EngineControl, LogChunk

log = logging.getLogger(__name__)

CHUNK_BYTES = 65_536
LIVE_INTERVAL_SECONDS = 1.0
REST_INTERVAL_SECONDS = 5.0
_SETTLE_SECONDS = 0.15
"""A cursor that runs down a list must not read every log on its way."""


class LogView(LogPage):
    """Shows the log of the beam given to `show_beam`; begins with the log's last part."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.LOG), *bindings_of(Scope.LOG_ALONE)]
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG_ALONE, Scope.LOG)
    HELP = N_(
        "The log of the selected beam's latest attempt, read live. It follows its end until you scroll up. Here are "
        "its latest lines, very long ones cut; saving it writes all of it."
    )

    def __init__(self, engine: EngineControl, runner: CommandRunner, actions: Actions, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._engine = engine
        self._actions = actions
        self._beam: BeamRecord | None = None
        self._saving = LogSaving(self, engine.inspector, runner, on_change=self._show_title)
        self._is_cut_off = False
        self._attempt = 0
        self._offset = -1
        self._trouble = ""
        self._title = ""
        self._news = asyncio.Event()
        self._show_title()

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

    def action_save_log(self) -> None:
        if self._beam is None:
            self._say(_("No beam is selected."))
        elif not self._attempt:
            self._say(self._why_empty())
        else:
            self._saving.ask(self._beam, self._attempt)

    async def _follow(self, beam_id: str) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        while True:
            # Before it is read: what is told while a slow read goes on has not been looked at.
            self._news.clear()
            got_more = False
            # A reader who scrolled up keeps what he reads: nothing is lost, the file is read on from its offset.
            if self.is_following or not self._window.is_full:
                got_more = await self._read_once(beam_id)
            if not got_more:
                await self._rest()

    async def _rest(self) -> None:
        """Until it is time to look again: after the interval, or when the beam itself has changed."""
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
        dropped = self._add(text, follow=was_following)
        self._is_cut_off = self._is_cut_off or dropped > 0
        self._show_title()
        return True

    def _begin_anew(self, *, attempt: int) -> None:
        self._clear()
        self._attempt, self._offset, self._is_cut_off = attempt, -1, False
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

    @property
    def _scrolled_note(self) -> str:
        key = self._actions.way_to("scroll_end")
        return _("scrolled up, {key} follows again").format(key=key) if key else _("scrolled up")

    def _show_title(self) -> None:
        if self._beam is None:
            title = _("Log")
        else:
            saved = self._saving.fraction_of(self._beam)
            notes = [
                _("attempt {number}").format(number=self._attempt) if self._attempt else "",
                _("its last part") if self._is_cut_off else "",
                "" if self.is_following else self._scrolled_note,
                _("saving {percent}").format(percent=percent(saved)) if saved is not None else "",
                f"! {one_line(self._trouble)}" if self._trouble else "",
            ]
            name = _("Log of {beam}").format(beam=cut_middle(self._beam.beam_id, 40))
            title = " · ".join([name, *filter(None, notes)])
        if title != self._title:
            self._title = title
            self.border_title = Content(title)

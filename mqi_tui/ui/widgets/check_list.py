"""What the doctor finds, a line for each thing as soon as it is known, with its remedy."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker, WorkerError

from mqi_tui.domain.errors import defect_words
from mqi_tui.ui.actions import Scope, bindings_of
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import counted, fit, one_line
from mqi_tui.workflow.doctor import Check, Outcome

log = logging.getLogger(__name__)

_OUTCOME_WIDTH = 7


class CheckList(VerticalScroll):
    """The checks go on as long as this list is there: whatever they have opened is closed with it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.LOG)
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.LOG,)
    HELP = N_(
        "Everything that a site has to get right, a line for each as soon as it is known: ✓ ok, ! warning (it works, "
        "but not as well as it could), ✗ failed, - skipped (something that it needs was not found). → says what to do."
    )

    class Grown(Message):
        """There is one more check, or it was the last one."""

        def __init__(self, counts: Counter[Outcome], *, is_all: bool) -> None:
            super().__init__()
            self.counts = counts
            self.is_all = is_all

        @property
        def words(self) -> str:
            """`12 checks: 11 ok, 1 failed`."""
            told = ", ".join(
                _("{count} {state}").format(count=self.counts[outcome], state=_(outcome.value))
                for outcome in Outcome
                if self.counts[outcome]
            )
            return _("{checks}: {outcomes}").format(checks=counted(self.counts.total(), "check"), outcomes=told)

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._work: Worker[None] | None = None
        self._follows = True
        """Its end is kept in sight until the reader scrolls up."""

    async def follow(self, checks: AsyncIterator[Check]) -> None:
        """Show these checks as they come, instead of those that are here."""
        await self.stop()
        await self.remove_children()
        self._follows = True
        self._work = self.run_worker(self._follow(checks), group="checks", exit_on_error=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._follows = round(new_value) >= self.max_scroll_y

    def on_resize(self) -> None:
        self._keep_end()

    def watch_virtual_size(self) -> None:
        self._keep_end()

    def _keep_end(self) -> None:
        if self._follows:
            self.scroll_end(animate=False, immediate=True)

    async def stop(self) -> None:
        """Cut the checks off, and wait until they have let go of everything."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            try:
                await work.wait()
            except WorkerError:
                return

    async def on_unmount(self) -> None:
        """Textual ends its workers and waits for none; a connection that is closed halfway would outlive its screen."""
        await self.stop()

    async def _follow(self, checks: AsyncIterator[Check]) -> None:
        counts: Counter[Outcome] = Counter()
        # Nothing else is awaited in this loop: so it is always the checks that are cut off, and clear up at once.
        try:
            async for check in checks:
                self._add(check, counts)
        except Exception as error:
            log.exception("defect in the doctor")
            self._add(_defect(error), counts)
        self.post_message(self.Grown(counts, is_all=True))

    def _add(self, check: Check, counts: Counter[Outcome]) -> None:
        counts[check.outcome] += 1
        self.mount(_line_of(check))
        self.post_message(self.Grown(counts.copy(), is_all=False))


def _defect(error: Exception) -> Check:
    sentence = defect_words(error)
    return Check("doctor", Outcome.FAILED, sentence, "please report it with the program's log")


def _line_of(check: Check) -> Static:
    outcome = f"{check.outcome.mark} {fit(_(check.outcome.value), _OUTCOME_WIDTH)}"
    found = one_line(f"{check.name}: {check.sentence}")
    remedy = f"\n  → {one_line(check.remedy)}" if check.remedy else ""
    return Static(Content(f"{outcome} {found}{remedy}"), classes=f"check {check.outcome.value}")

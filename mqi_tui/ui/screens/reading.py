"""A screen that reads what it shows beside itself: it never waits, and what cannot be read is said."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from textual.worker import Worker

from mqi_tui.domain.errors import MqiError
from mqi_tui.ui.language import _
from mqi_tui.ui.screens.guiding import Guiding

log = logging.getLogger(__name__)

T = TypeVar("T")


class Reading(Guiding):
    def _read(
        self,
        name: str,
        reading: Callable[[], Awaitable[T]],
        show: Callable[[T], Awaitable[None]],
        complain: Callable[[str], None],
    ) -> Worker[None]:
        """Read beside the screen; the latest reading of a name takes the place of one that is under way."""

        async def read() -> None:
            try:
                await show(await reading())
            except MqiError as error:
                complain(str(error))
            except Exception as error:
                log.exception("defect in reading the %s of %s", name, self._acts_on)
                defect = _("a defect in mqi-tui ({error}); please report it")
                complain(defect.format(error=f"{type(error).__name__}: {error}"))

        # Not `read()`: Python complains of a coroutine that is replaced before it has begun.
        return self.run_worker(read, group=name, exclusive=True, exit_on_error=False)

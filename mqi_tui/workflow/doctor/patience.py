"""Blocking work for which nobody has to wait for ever: a dead network share can hold a thread until it is back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def patiently(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `asyncio.to_thread`; but neither a time-out nor the end of the program waits for the thread."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def answer(set_it: Callable[[], None]) -> None:
        if not future.done():
            set_it()

    def work() -> None:
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            outcome = error

            def set_it() -> None:
                future.set_exception(outcome)
        else:

            def set_it() -> None:
                future.set_result(result)

        # The loop may have been closed while the thread was held up.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(answer, set_it)

    threading.Thread(target=work, name="doctor", daemon=True).start()
    return await future

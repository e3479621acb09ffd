"""Where a connection puts its questions, and whoever shows them to a person puts the answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from mqi_tui.domain.errors import PermanentError
from mqi_tui.domain.questions import Question, QuestionKind


class QuestionBoard:
    """The questions that wait for a person, in the order in which they were asked."""

    def __init__(self, *, has_audience: bool = False, on_change: Callable[[], None] | None = None) -> None:
        """`has_audience`: whether somebody shows the questions and answers them.

        `on_change` is called in the event loop when a question has come or gone.
        """
        self.has_audience = has_audience
        self.on_change = on_change
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[Question, asyncio.Future[str | None]]] = {}

    @property
    def pending(self) -> tuple[Question, ...]:
        return tuple(question for question, _ in self._waiting.values())

    async def ask(
        self, kind: QuestionKind, title: str, text: str, *, fingerprint: str = "", without_audience: str
    ) -> str | None:
        """A person's answer, however long it takes; None if it was declined.

        `without_audience` says what to do instead, as the message of the PermanentError that is raised when there is
        nobody to ask.
        """
        if not self.has_audience:
            raise PermanentError(without_audience)
        question = Question(next(self._ids), kind, title, text, fingerprint)
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting[question.question_id] = (question, answer)
        self._changed()
        try:
            return await answer
        finally:
            del self._waiting[question.question_id]
            self._changed()

    def answer(self, question_id: int, value: str | None) -> None:
        """Answer a question, or decline it with None; nothing happens if nobody waits for the answer any more."""
        _, answer = self._waiting.get(question_id, (None, None))
        if answer is not None and not answer.done():
            answer.set_result(value)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

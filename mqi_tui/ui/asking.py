"""Brings the questions of a connection to the screen, one at a time, and the answers back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from textual.app import App

from mqi_tui.domain.questions import Question
from mqi_tui.ui.screens.ask import AskScreen


class Asking:
    """`answer` takes the id of a question and what a person says to it, or None when it is declined."""

    def __init__(self, app: Callable[[], App[object]], answer: Callable[[int, str | None], None]) -> None:
        self._app = app
        self._send = answer
        self._waiting: dict[int, Question] = {}
        self._answered: set[int] = set()

    def show(self, questions: Iterable[Question]) -> None:
        """The first question that is not answered yet; one that is over leaves the screen by itself."""
        self._waiting = {question.question_id: question for question in questions}
        self._answered &= self._waiting.keys()
        self._show_next()

    def _show_next(self) -> None:
        app = self._app()
        if isinstance(app.screen, AskScreen):
            if app.screen.question.question_id not in self._waiting:
                self._answered.add(app.screen.question.question_id)
                app.screen.end()
            return
        if any(isinstance(screen, AskScreen) for screen in app.screen_stack):
            return
        for number, question in self._waiting.items():
            if number not in self._answered:
                app.push_screen(AskScreen(question), partial(self._answer, number))
                return

    def _answer(self, question_id: int, value: str | None) -> None:
        if question_id not in self._answered:
            self._answered.add(question_id)
            self._send(question_id, value)
        self._show_next()

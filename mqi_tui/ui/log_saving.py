"""Saves the whole log of a beam: asks where, asks again before it replaces a file, and tells how far it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from textual.widget import Widget

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.text import printable
from mqi_tui.ui.commands import CommandRunner, Outcome, gather
from mqi_tui.ui.language import _
from mqi_tui.ui.questions import Question
from mqi_tui.ui.screens.confirm import ConfirmScreen
from mqi_tui.ui.screens.save_log import SaveLogScreen
from mqi_tui.ui.text import percent
from mqi_tui.workflow.inspection import BeamInspector

log = logging.getLogger(__name__)


class LogSaving:
    """The saving of one pane, one log at a time; what was begun goes on when the pane has gone."""

    def __init__(
        self, pane: Widget, inspector: BeamInspector, runner: CommandRunner, *, on_change: Callable[[], None]
    ) -> None:
        self._pane = pane
        self._inspector = inspector
        self._runner = runner
        self._on_change = on_change
        self._saved: tuple[str, float] | None = None
        """While a log is being saved: its beam, and how much of it is done (0..1)."""

    def fraction_of(self, beam: BeamRecord) -> float | None:
        """How much of the beam's log is saved (0..1); None while it is not being saved."""
        return self._saved[1] if self._saved is not None and self._saved[0] == beam.beam_id else None

    def ask(self, beam: BeamRecord, attempt: int) -> None:
        """Ask where to, then save."""
        if self._saved is not None:
            beam_id, fraction = self._saved
            words = _("The log of {beam} is being saved ({percent}); the next one after it.")
            text = words.format(beam=beam_id, percent=percent(fraction))
            self._pane.notify(printable(text), severity="warning", markup=False)
            return
        suggested = self._inspector.suggested_log_file(beam, attempt)

        def answered(path: Path | None) -> None:
            if path is not None:
                self._pane.run_worker(self._check(beam, attempt, path), exit_on_error=False)

        self._pane.app.push_screen(SaveLogScreen(suggested), answered)

    async def _check(self, beam: BeamRecord, attempt: int, path: Path) -> None:
        """Ask before another file would be replaced."""
        try:
            there = await asyncio.to_thread(_what_is_there, path)
        except OSError as error:
            there = None
            log.warning("%s cannot be looked at before a log is saved there: %s", path, error)
        if there is None:
            self._save(beam, attempt, path, replace=False)
            return
        question = Question(
            _("Replace the file that is there?"),
            (
                printable(str(path)),
                there,
                _("The log is written beside it first; the file goes when all of it is there."),
            ),
            _("replace it"),
        )
        self._pane.app.push_screen(
            ConfirmScreen(question), lambda answer: self._save(beam, attempt, path, replace=True) if answer else None
        )

    def _save(self, beam: BeamRecord, attempt: int, path: Path, *, replace: bool) -> None:
        self._tell((beam.beam_id, 0.0))
        self._runner.carry_out(self._carry_out(beam, attempt, path, replace=replace))

    async def _carry_out(self, beam: BeamRecord, attempt: int, path: Path, *, replace: bool) -> Outcome:
        async def save() -> str:
            saved = await self._inspector.save_log(
                beam, attempt, path, replace=replace, on_progress=lambda done: self._tell((beam.beam_id, done))
            )
            words = _("saved the whole log of attempt {number}, {size} bytes: {path}")
            return words.format(number=saved.attempt, size=f"{saved.size:,}", path=saved.path)

        try:
            return await gather([save])
        finally:
            self._tell(None)

    def _tell(self, saved: tuple[str, float] | None) -> None:
        self._saved = saved
        if self._pane.is_attached:
            self._on_change()


def _what_is_there(path: Path) -> str | None:
    """A sentence about the file; None where none is, and for a folder, which is not replaced at all."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if path.is_dir():
        return None
    changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return _("It has {size} bytes and was changed at {time} UTC.").format(
        size=f"{status.st_size:,}", time=f"{changed_at:%Y-%m-%d %H:%M:%S}"
    )

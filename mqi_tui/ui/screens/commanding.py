"""The main screen's actions that ask something of the engine: those that end or repeat work ask the reader first."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui import commands, questions
from mqi_tui.ui.language import _
from mqi_tui.ui.screens.cockpit import Cockpit, name_of
from mqi_tui.ui.targets import ENDED, BeamsTarget, beams_of


class Commanding(Cockpit):
    def action_dispatch_target(self) -> None:
        if target := self._target_or_say():
            self._carry_out(commands.dispatch(self._engine, target), target)

    def action_retry_target(self) -> None:
        if target := self._target_or_say():
            self._carry_out(commands.retry(self._engine, target), target)

    def action_dispatch_ready(self) -> None:
        new = [beam for case in self._snapshot.cases for beam in case.beams if beam.status is BeamStatus.NEW]
        self._ask(
            questions.about_dispatch(new, is_filtered=self._view.filter.is_on or self._view.hides_finished),
            _("No beam is new: there is nothing to dispatch."),
            lambda: self._carry_out(commands.dispatch_beams(self._engine, new), BeamsTarget(tuple(new))),
        )

    def action_retry_case(self) -> None:
        case = self._case_in_focus
        if case is None:
            self._say(_("No case is selected."))
        else:
            failed = BeamsTarget(tuple(beam for beam in case.beams if beam.status is BeamStatus.FAILED))
            self._carry_out(commands.retry_failed(self._engine, case), failed)

    def action_cancel_target(self) -> None:
        if target := self._target_or_say():
            self._ask(
                questions.about_cancel(target, self._actions),
                _("{name}: nothing is at work, so there is nothing to cancel.").format(name=name_of(target)),
                lambda: self._carry_out(commands.cancel(self._engine, target), target),
            )

    def action_rerun_target(self) -> None:
        if target := self._target_or_say():
            ended = [beam for beam in beams_of(target) if beam.status in ENDED]
            self._ask(
                questions.about_rerun(ended, self._actions),
                _("{name}: only a beam that has ended is run again.").format(name=name_of(target)),
                lambda: self._carry_out(commands.rerun(self._engine, ended), target),
            )

    def action_toggle_pause(self) -> None:
        self._runner.carry_out(commands.toggle_pause(self._engine))

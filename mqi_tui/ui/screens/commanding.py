"""The main screen's actions that ask something of the engine: those that end or repeat work ask the reader first."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui import commands, questions
from mqi_tui.ui.language import _
from mqi_tui.ui.screens.cockpit import Cockpit
from mqi_tui.ui.targets import BeamsTarget


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
            self._ask_to_cancel(target, lambda: self._carry_out(commands.cancel(self._engine, target), target))

    def action_rerun_target(self) -> None:
        if target := self._target_or_say():
            self._ask_to_rerun(target, lambda ended: self._carry_out(commands.rerun(self._engine, ended), target))

    def action_priority_up(self) -> None:
        self._change_priority(1)

    def action_priority_down(self) -> None:
        self._change_priority(-1)

    def _change_priority(self, step: int) -> None:
        # The marks stay: the key is often pressed more than once.
        if target := self._target_or_say():
            self._runner.carry_out(commands.change_priority(self._engine, target, step))

    def action_toggle_pause(self) -> None:
        self._runner.carry_out(commands.toggle_pause(self._engine))

"""One beam: its way, files, input, log and dose on five tabs; live, and read beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.dom import DOMNode
from textual.widget import Widget

from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui import commands
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.beam_pages import files_page, input_page, overview_page, place_of
from mqi_tui.ui.commands import CommandRunner
from mqi_tui.ui.language import _
from mqi_tui.ui.pages import paragraph
from mqi_tui.ui.screens.tabbed import Tabbed
from mqi_tui.ui.targets import BeamsTarget
from mqi_tui.ui.timeline import elapsed, steps_of
from mqi_tui.ui.tones import Tone
from mqi_tui.ui.widgets.beam_head import BeamHead, Tab
from mqi_tui.ui.widgets.dose_pane import DosePane
from mqi_tui.ui.widgets.key_line import KeyLine
from mqi_tui.ui.widgets.log_view import LogView
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.ui.widgets.tab_line import TabLine
from mqi_tui.workflow.control import EngineControl
from mqi_tui.workflow.inspection import BeamDose, BeamFiles, BeamHistory, NoDose, Parameters, PreparedInput

_CLOCK_SECONDS = 1.0


class BeamScreen(Tabbed[Tab]):
    """Follows the beam through the snapshots that `show` brings; reads a tab's data when it is looked at."""

    CSS_PATH = "beam.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.BEAM)
    AUTO_FOCUS = ""
    _all_tabs = tuple(Tab)

    def __init__(
        self,
        engine: EngineControl,
        runner: CommandRunner,
        snapshot: EngineSnapshot,
        beam: BeamRecord,
        actions: Actions,
    ) -> None:
        super().__init__()
        self._actions = actions
        self._engine = engine
        self._runner = runner
        self._snapshot = snapshot
        self._beam = beam
        self._news = self._news_of(snapshot)
        self._tab = Tab.OVERVIEW
        self._history: BeamHistory | None = None
        self._prepared: PreparedInput | None = None
        self._used: Parameters | None = None
        self._input_troubles: dict[str, str] = {}
        self._head = BeamHead(beam, id="beam-head")
        self._tabs = TabLine(self._all_tabs, id="tabs")
        self._overview = PageView(id="overview")
        self._files = PageView(id="files")
        self._input = PageView(id="input")
        self._log = LogView(engine, runner, actions, id="beam-log")
        self._dose = DosePane(engine.inspector, actions, id="dose")
        self._keys = KeyLine(actions, id="beam-keys")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._tabs
        yield Container(*self._panes.values(), id="tab-panes")
        yield self._keys

    def on_mount(self) -> None:
        for page in (self._overview, self._files, self._input):
            page.show(lambda width: paragraph(_("Reading …"), Tone.MUTED, width))
        self._read_history()
        self._show_tab(Tab.OVERVIEW)
        self.set_interval(_CLOCK_SECONDS, self._show_times)

    @property
    def beam(self) -> BeamRecord:
        return self._beam

    def show(self, snapshot: EngineSnapshot) -> None:
        """Take what this picture says of the beam; what is read beside it is read again when the beam has changed."""
        self._snapshot = snapshot
        self._beam = snapshot.beam(self._beam.beam_id) or self._beam
        if not self.is_mounted:
            return
        self._show_times()
        if self._tab is Tab.LOG:
            self._log.show_beam(self._beam)
        news = self._news_of(snapshot)
        if news != self._news:
            self._news = news
            self._read_history()
            self._read_tab()

    # Tabs

    def action_show_overview(self) -> None:
        self._show_tab(Tab.OVERVIEW)

    def action_show_files(self) -> None:
        self._show_tab(Tab.FILES)

    def action_show_input(self) -> None:
        self._show_tab(Tab.INPUT)

    def action_show_log(self) -> None:
        self._show_tab(Tab.LOG)

    def action_show_dose(self) -> None:
        self._show_tab(Tab.DOSE)

    @property
    def _panes(self) -> dict[Tab, Widget]:
        panes = (self._overview, self._files, self._input, self._log, self._dose)
        return dict(zip(Tab, panes, strict=True))

    def _show_tab(self, tab: Tab) -> None:
        self._tab = tab
        self._tabs.show(tab)
        for each, pane in self._panes.items():
            pane.display = each is tab
        self._keys.show_scopes(self._owners)
        if tab is Tab.DOSE:
            self._dose.focus_picture()
        else:
            self._panes[tab].focus()
        self._read_tab()

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        own: dict[Tab, Mapping[Scope, DOMNode]] = {
            Tab.LOG: {Scope.LOG_ALONE: self._log},
            Tab.DOSE: {Scope.DOSE: self._dose},
        }
        return {**own.get(self._tab, {}), Scope.BEAM: self}

    @property
    def _acts_on(self) -> str:
        return self._beam.beam_id

    # Reading

    def _news_of(self, snapshot: EngineSnapshot) -> tuple[object, ...]:
        """What makes reading again worth while: not progress, which comes twice a second."""
        beam_id = self._beam.beam_id
        beam = snapshot.beam(beam_id) or self._beam
        last = next((event.event_id for event in reversed(snapshot.events) if event.beam_id == beam_id), 0)
        return beam.status, beam.attempt, beam.updated_at, beam.result_path, last

    def _read_history(self) -> None:
        reading = self._engine.inspector.history
        self._read("history", lambda: reading(self._beam), self._show_history, _complaint(self._overview))

    def _read_tab(self) -> None:
        inspector, beam = self._engine.inspector, self._beam
        match self._tab:
            case Tab.FILES:
                self._read("files", lambda: inspector.files(beam), self._show_files, _complaint(self._files))
            case Tab.INPUT:
                self._read(
                    "prepared", lambda: inspector.prepared_input(beam), self._show_prepared, self._show_prepared_trouble
                )
                self._read("used", lambda: inspector.used_parameters(beam), self._show_used, self._show_used_trouble)
            case Tab.LOG:
                self._log.show_beam(beam)
            case Tab.DOSE:
                self._read("dose", lambda: inspector.dose(beam), self._show_dose, self._dose.show_trouble)

    async def _show_history(self, history: BeamHistory) -> None:
        self._history = history
        self._show_times()

    async def _show_files(self, files: BeamFiles) -> None:
        self._files.show(lambda width: files_page(files, width))

    async def _show_prepared(self, prepared: PreparedInput) -> None:
        self._prepared = prepared
        self._show_input("prepared", prepared.trouble)

    def _show_prepared_trouble(self, trouble: str) -> None:
        self._prepared = None
        self._show_input("prepared", _("The input folder cannot be read now: {trouble}").format(trouble=trouble))

    async def _show_used(self, used: Parameters | None) -> None:
        self._used = used
        self._show_input("used", "")

    def _show_used_trouble(self, trouble: str) -> None:
        self._used = None
        self._show_input(
            "used", _("What the latest attempt was given cannot be read: {trouble}").format(trouble=trouble)
        )

    def _show_input(self, part: str, trouble: str) -> None:
        """Two readings make the page, and the one from the HPC may come late or not at all."""
        self._input_troubles[part] = trouble
        beam, prepared, used = self._beam, self._prepared, self._used
        troubles = [text for text in self._input_troubles.values() if text]
        self._input.show(lambda width: input_page(beam, prepared, used, troubles, width))

    async def _show_dose(self, found: BeamDose | NoDose) -> None:
        self._dose.show(self._beam, found)
        if self._tab is Tab.DOSE and self._dose.has_focus_within:
            self._dose.focus_picture()

    def _show_times(self) -> None:
        """What grows with the clock: the durations, in the head and in the timeline."""
        beam, history, now = self._beam, self._history, datetime.now(UTC)
        place = self._snapshot.places.get(beam.beam_id)
        last = history.attempts[-1] if history and history.attempts else None
        self._head.show(
            beam,
            place or (place_of(last) if last else None),
            elapsed(steps_of(history.events), now) if history else None,
        )
        if history is not None and self._tab is Tab.OVERVIEW:
            self._overview.show(lambda width: overview_page(beam, history, place, now, width, actions=self._actions))

    # Commands

    def action_retry_beam(self) -> None:
        self._runner.carry_out(commands.retry(self._engine, BeamsTarget((self._beam,))))

    def action_cancel_beam(self) -> None:
        target = BeamsTarget((self._beam,))
        self._ask_to_cancel(target, lambda: self._runner.carry_out(commands.cancel(self._engine, target)))

    def action_rerun_beam(self) -> None:
        self._ask_to_rerun(
            BeamsTarget((self._beam,)),
            lambda ended: self._runner.carry_out(commands.rerun(self._engine, ended)),
        )

    def action_priority_up(self) -> None:
        self._runner.carry_out(commands.change_priority(self._engine, BeamsTarget((self._beam,)), 1))

    def action_priority_down(self) -> None:
        self._runner.carry_out(commands.change_priority(self._engine, BeamsTarget((self._beam,)), -1))

    def action_leave(self) -> None:
        self.dismiss(None)


def _complaint(page: PageView) -> Callable[[str], None]:
    """Says on the page why it cannot be read."""

    def complain(trouble: str) -> None:
        text = _("It cannot be read now: {trouble}").format(trouble=trouble)
        page.show(lambda width: paragraph(text, Tone.BAD, width))

    return complain

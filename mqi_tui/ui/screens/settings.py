"""The configuration in force, to be read: every setting with its value, where that is from, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.widgets import Input

from mqi_tui.config import Config
from mqi_tui.config.meaning import ExplainedSetting, explained
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.ui.actions import Actions, Scope, bindings_of
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.screens.reading import Reading
from mqi_tui.ui.text import one_line
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.detail_pane import DetailPane
from mqi_tui.ui.widgets.filter_input import FilterInput
from mqi_tui.ui.widgets.key_line import KeyLine
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.ui.widgets.setting_list import SettingList, SettingRow


class SettingDetails(DetailPane):
    HELP = N_("The setting that the cursor is on: its whole value, where that is from, and what it means.")


class SettingsScreen(Reading):
    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(Scope.SETTINGS)
    AUTO_FOCUS = "#settings"

    def __init__(self, config: Config, actions: Actions) -> None:
        super().__init__()
        self._config = config
        self._actions = actions
        self._rows: Sequence[SettingRow] = ()
        self._words: list[str] = []
        self._list = SettingList(id="settings")
        self._details = SettingDetails(id="setting")
        self._filter_input = FilterInput(id="filter", placeholder=N_("words of name, value, place or meaning"))
        self._keys = KeyLine(actions, id="keys")

    def compose(self) -> ComposeResult:
        yield self._list
        yield self._details
        yield self._filter_input
        yield self._keys

    def on_mount(self) -> None:
        self._list.set_title(_("Settings"))
        self._list.set_placeholder(_("Reading the settings …"))
        self._keys.show_scopes(self._owners)
        self._read("settings", self._explained, self._take, self._complain)

    async def _explained(self) -> Sequence[ExplainedSetting]:
        return await in_thread(lambda: list(explained(self._config)))

    def _complain(self, trouble: str) -> None:
        self._list.set_placeholder(_("They cannot be shown: {reason}.").format(reason=trouble))

    async def _take(self, found: Sequence[ExplainedSetting]) -> None:
        self._rows = [SettingRow(one) for one in found]
        self._show_rows()

    @property
    def _owners(self) -> Mapping[Scope, DOMNode]:
        return {Scope.SETTINGS: self, Scope.LIST: self._list}

    @property
    def _acts_on(self) -> str:
        row = self._list.cursor_row
        return row.key if row else _("nothing")

    def action_filter(self) -> None:
        self._filter_input.display = True
        self._filter_input.focus()

    def action_leave(self) -> None:
        """Escape leaves what was begun, one thing at a time."""
        if self._words:
            self._filter_input.empty()
        else:
            self.dismiss(None)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._words = event.value.casefold().split()
        self._show_rows()

    @on(Input.Submitted, "#filter")
    @on(FilterInput.Left)
    def _leave_filter(self) -> None:
        self._filter_input.display = bool(self._words)
        self._list.focus()

    def _show_rows(self) -> None:
        rows = [row for row in self._rows if row.holds(self._words)]
        nothing = _("No setting holds these words.\n\n{key} clears the filter.")
        self._list.set_placeholder(nothing.format(key=self._actions.way_to("leave")))
        self._list.set_rows(rows)
        own = sum(not row.is_default for row in rows)
        count = (
            _("{shown} of {total}").format(shown=len(rows), total=len(self._rows)) if self._words else f"{len(rows)}"
        )
        title = _("Settings · {count} · {own} from {file}")
        self._list.set_title(title.format(count=count, own=own, file=one_line(str(self._config.path))))
        self._show_details()

    @on(RowList.Highlighted)
    def _show_details(self) -> None:
        row = self._list.cursor_row
        self._details.show(_("Setting"), _details_of(row) if row else [])


def _details_of(row: SettingRow) -> Sequence[Line]:
    setting = row.explained.setting
    place = _("the default: the config does not set it") if row.is_default else setting.source
    return [
        [(row.key, Tone.STRONG), ("  ", Tone.NORMAL), (one_line(place), Tone.MUTED)],
        [(one_line(setting.value), Tone.NORMAL)],
        [(one_line(row.explained.meaning), Tone.NORMAL)],
    ]

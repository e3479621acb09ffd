"""Every setting that is in force, a line for each: name, value, and whether the file says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mqi_tui.config.meaning import ExplainedSetting
from mqi_tui.ui.actions import Scope
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.text import fit, fit_middle
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.ui.widgets.row_list import RowList

_NAME_WIDTH = 40
_PLACE_WIDTH = 9
_MEANING_FROM = 150
"""A list at least so wide has room for what each setting means."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    explained: ExplainedSetting

    @property
    def key(self) -> str:
        return self.explained.setting.name

    @property
    def is_default(self) -> bool:
        return self.explained.setting.line is None

    @property
    def place(self) -> str:
        return _("default") if self.is_default else _("line {line}").format(line=self.explained.setting.line)

    def holds(self, words: list[str]) -> bool:
        """Whether each of the words (case-folded) stands somewhere in what is known of it."""
        setting = self.explained.setting
        text = f"{setting.name} {setting.value} {setting.source} {self.place} {self.explained.meaning}"
        return all(word in text.casefold() for word in words)


class SettingList(RowList[SettingRow]):
    head_height: ClassVar[int] = 1
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.SETTINGS, Scope.LIST)
    HELP = N_(
        "Every setting as it was read at the start: its value, and the line of the config that says it, or that it is "
        "the default. A change of the file counts from the next start on. Below is what the setting means."
    )

    def line_of(self, row: SettingRow, width: int) -> Line:
        value = row.explained.setting.value
        return self._columns(width, (row.key, value, row.place, row.explained.meaning), is_default=row.is_default)

    def head_line(self, width: int) -> Line:
        cells = self._columns(width - 1, (_("setting"), _("value"), _("from"), _("meaning")), is_default=True)
        return [(" ", Tone.MUTED), *((text, Tone.MUTED) for text, _ in cells)]

    def _columns(self, width: int, cells: tuple[str, str, str, str], *, is_default: bool) -> Line:
        name, value, place, meaning = cells
        name_width = min(_NAME_WIDTH, width // 2 - 1)
        room = width - name_width - _PLACE_WIDTH - 2
        value_width = room if width < _MEANING_FROM else room // 3
        tone = Tone.MUTED if is_default else Tone.STRONG
        return [
            (f"{fit_middle(name, name_width)} ", Tone.NORMAL),
            (f"{fit(value, value_width)} ", tone),
            (fit(place, _PLACE_WIDTH), tone),
            (fit(meaning, room - value_width), Tone.MUTED),
        ]

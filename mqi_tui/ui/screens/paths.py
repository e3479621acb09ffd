"""Where the files of a beam, case or folder are, with whole paths that can be selected and copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from mqi_tui.domain.text import printable
from mqi_tui.ui.language import _
from mqi_tui.ui.rows import BeamRow, CaseRow, FolderRow, TreeRow
from mqi_tui.ui.screens.info import InfoScreen


@dataclass(frozen=True, slots=True)
class PathRow:
    name: str
    path: Path


def paths_of(row: TreeRow) -> Sequence[PathRow]:
    """The paths that are known, the folder first."""
    match row:
        case BeamRow():
            dose = [PathRow(_("dose file"), row.beam.result_path)] if row.beam.result_path else []
            return [PathRow(_("folder"), row.beam.beam_path), *dose]
        case CaseRow(case):
            doses = [beam.result_path.parent for beam in case.beams if beam.result_path]
            return [
                PathRow(_("folder"), case.record.case_path),
                *(PathRow(_("results"), folder) for folder in doses),
            ]
        case FolderRow(folder):
            return [PathRow(_("folder"), folder.path)]
        case _:
            return []


class PathLine(Static):
    """A click copies it."""

    def __init__(self, path: Path) -> None:
        super().__init__(Content(printable(str(path))), classes="path")
        self.path = path
        self.tooltip = Content(_("a click copies it"))


class PathsScreen(InfoScreen[str]):
    """Dismissed with the path that is to be copied, if any."""

    CSS_PATH = "paths.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "leave", show=False),
        Binding("y,enter", "copy", show=False),
    ]

    def __init__(self, paths: Sequence[PathRow]) -> None:
        super().__init__()
        self._paths = paths

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="paths") as frame:
            frame.border_title = Content(_("Where the files are"))
            frame.border_subtitle = Content(_("y copies the folder · a click copies any · esc close"))
            for row in self._paths:
                yield Static(Content(row.name), classes="name")
                yield PathLine(row.path)

    def action_copy(self) -> None:
        self.dismiss(str(self._paths[0].path))

    def on_click(self, event: Click) -> None:
        if isinstance(event.widget, PathLine):
            self.dismiss(str(event.widget.path))
        else:
            super().on_click(event)

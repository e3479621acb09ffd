"""The rows of the case tree and the beam list, made of a snapshot: frozen values that know no widget."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord, FolderRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.ui.language import _
from mqi_tui.ui.ordering import ordered_beams
from mqi_tui.ui.text import counted
from mqi_tui.ui.view import View

FOLDERS_KEY = "folders"


@dataclass(frozen=True, slots=True)
class CaseRow:
    case: CaseView
    is_expanded: bool

    @property
    def key(self) -> str:
        return f"case {self.case.case_id}"


@dataclass(frozen=True, slots=True)
class BeamRow:
    """A beam, in the tree or in the list."""

    beam: BeamRecord
    is_marked: bool
    queue_position: int | None = None
    """1 for the beam that gets the next free slot."""
    queue_length: int = 0
    time_left: TimeLeft | None = None
    """How long the beam still computes, where that is known."""
    usual_time: TimeLeft | None = None
    """How long beams compute here, for one that will compute, where that is known."""

    @property
    def will_compute(self) -> bool:
        return self.beam.status.comes_before_computing or self.beam.job_waits

    @property
    def key(self) -> str:
        return f"beam {self.beam.beam_id}"

    @property
    def note(self) -> str:
        """What is to say about the beam beyond its state: why it failed, its place in the queue, its detail."""
        if self.beam.error:
            return self.beam.error
        place = ""
        if self.queue_position:
            place = _("{place} of {length} in the queue").format(place=self.queue_position, length=self.queue_length)
        return ", ".join(filter(None, [place, self.beam.detail]))


@dataclass(frozen=True, slots=True)
class FoldersRow:
    """The heading over the folders that are no cases."""

    count: int
    need_person: int
    is_expanded: bool

    @property
    def key(self) -> str:
        return FOLDERS_KEY

    @property
    def title(self) -> str:
        return _("{folders} not taken").format(folders=counted(self.count, "folder"))


@dataclass(frozen=True, slots=True)
class FolderRow:
    folder: FolderRecord

    @property
    def key(self) -> str:
        return folder_key(self.folder)


def folder_key(folder: FolderRecord) -> str:
    """The key of the folder's row in the tree."""
    return f"folder {folder.path}"


TreeRow = CaseRow | BeamRow | FoldersRow | FolderRow


def tree_rows(
    snapshot: EngineSnapshot, expanded: Collection[str], marked: Collection[str], view: View
) -> list[TreeRow]:
    """Cases, with their beams under the expanded ones, and at the end the folders that are no cases.

    `expanded` holds keys of rows, `marked` beam ids. With a filter, every case that it leaves is expanded.
    """
    rows: list[TreeRow] = []
    for case, beams in view.cases_of(snapshot):
        case_row = CaseRow(case, is_expanded=view.filter.is_on or f"case {case.case_id}" in expanded)
        rows.append(case_row)
        if case_row.is_expanded:
            rows.extend(BeamRow(beam, beam.beam_id in marked) for beam in beams)
    folders = [folder for folder in snapshot.folders if view.filter.lets_folder_through(folder)]
    if folders:
        need_person = sum(folder.state.needs_person for folder in folders)
        is_expanded = view.filter.is_on or FOLDERS_KEY in expanded
        rows.append(FoldersRow(len(folders), need_person, is_expanded))
        if is_expanded:
            rows.extend(FolderRow(folder) for folder in folders)
    return rows


def beam_rows(snapshot: EngineSnapshot, case_id: str | None, marked: Collection[str], view: View) -> list[BeamRow]:
    """The beams of one case, or of all cases if `case_id` is None, as far as the view shows them."""
    places = {beam_id: place for place, beam_id in enumerate(snapshot.queue, start=1)}
    cases = [case for case in snapshot.cases if case_id in {None, case.case_id}]
    beams = [beam for case in cases for beam in view.beams_of(case) or ()]
    return [
        BeamRow(
            beam,
            beam.beam_id in marked,
            places.get(beam.beam_id),
            len(places) if beam.beam_id in places else 0,
            snapshot.times_left.get(beam.beam_id),
            snapshot.usual_time if beam.status.comes_before_computing or beam.job_waits else None,
        )
        for beam in ordered_beams(beams, view.order)
    ]

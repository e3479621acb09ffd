"""The filter: which cases, beams and folders hold every word that was typed, in their name or their state."""

from __future__ import annotations

from dataclasses import dataclass

from mqi_tui.domain.records import BeamRecord, FolderRecord
from mqi_tui.domain.snapshot import CaseView


@dataclass(frozen=True, slots=True)
class Filter:
    """Words compared without regard to case; no words let everything through."""

    text: str = ""

    @property
    def words(self) -> list[str]:
        return self.text.casefold().split()

    def beams_of(self, case: CaseView) -> tuple[BeamRecord, ...] | None:
        """The beams of the case to show: all of them if the case itself matches; None if nothing matches."""
        words = self.words
        if not words or _holds(f"{case.case_id} {case.status.value}", words):
            return case.beams
        return tuple(beam for beam in case.beams if self.lets_through(beam)) or None

    def lets_through(self, beam: BeamRecord) -> bool:
        return _holds(f"{beam.parent_case_id} {beam.beam_name} {beam.word}", self.words)

    def lets_folder_through(self, folder: FolderRecord) -> bool:
        return _holds(f"{folder.path.name} {folder.state.value}", self.words)


def _holds(text: str, words: list[str]) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)

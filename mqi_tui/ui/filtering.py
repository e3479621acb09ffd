"""The filter's language: words, and terms such as `state:failed`, `case:"DOE J"`, `gpu:3`; a `-` before one excludes.

Words are looked for in names and states: the states' words in English and in the language of the screens. A prefix
that is none of these, as in `12:30`, is part of a word. While it is typed, a term without a value yet (`state:`) lets
everything through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mqi_tui.domain.records import BeamRecord, FolderRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.ui.language import N_, in_both

EXAMPLE = N_('words, state:failed, case:"DOE J", gpu:3; -completed excludes')
"""Shown where the filter is typed, while nothing is."""

_PREFIXES = ("state", "case", "gpu")
_TERM = re.compile(
    rf"""(?P<minus>-?)(?:(?P<prefix>{"|".join(_PREFIXES)}):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S*))""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Term:
    prefix: str
    """One of `state`, `case`, `gpu`; empty for a word."""
    value: str
    """Not empty; compared without regard to case."""
    excludes: bool

    def is_true_of(self, beam: BeamRecord) -> bool:
        match self.prefix:
            case "state":
                holds = self.value in in_both(beam.word).casefold()
            case "case":
                holds = self.value in beam.parent_case_id.casefold()
            case "gpu":
                holds = self.value == str(beam.gpu_id)
            case _:
                holds = self.value in f"{beam.parent_case_id} {beam.beam_name} {in_both(beam.word)}".casefold()
        return holds is not self.excludes

    def is_true_of_folder(self, folder: FolderRecord) -> bool:
        match self.prefix:
            case "state":
                holds = self.value in in_both(folder.state.value).casefold()
            case "case":
                holds = self.value in folder.path.name.casefold()
            case "gpu":
                holds = False
            case _:
                holds = self.value in f"{folder.path.name} {in_both(folder.state.value)}".casefold()
        return holds is not self.excludes


@lru_cache(maxsize=16)
def terms_of(text: str) -> tuple[Term, ...]:
    """What was typed, term by term; those without a value are left out."""
    terms: list[Term] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TERM.match(text, position)
        assert found is not None  # noqa: S101 - it matches any character that is no blank
        position = found.end()
        value = found["quoted"] if found["quoted"] is not None else found["plain"]
        if value:
            terms.append(Term((found["prefix"] or "").lower(), value.casefold(), bool(found["minus"])))
    return tuple(terms)


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed; nothing lets everything through."""

    text: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it may keep anything back."""
        return bool(terms_of(self.text))

    def beams_of(self, case: CaseView) -> tuple[BeamRecord, ...] | None:
        """The beams of the case to show; None if nothing matches.

        Where all words that were typed stand in the case's own name and state, they are true of all of its beams.
        """
        terms = terms_of(self.text)
        words = [term for term in terms if not term.prefix and not term.excludes]
        about_case = f"{case.case_id} {in_both(case.status.value)}".casefold()
        if all(term.value in about_case for term in words):
            terms = tuple(term for term in terms if term not in words)
        if not terms:
            return case.beams
        return tuple(beam for beam in case.beams if all(term.is_true_of(beam) for term in terms)) or None

    def lets_folder_through(self, folder: FolderRecord) -> bool:
        return all(term.is_true_of_folder(folder) for term in terms_of(self.text))

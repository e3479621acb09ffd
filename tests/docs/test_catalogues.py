"""The catalogues hold every text of the screens and no other, and a translation fills in what its text fills in."""

from __future__ import annotations

from pathlib import Path
from string import Formatter

import pytest

from tools import texts

CATALOGUES = pytest.mark.parametrize("path", texts.CATALOGUES, ids=lambda path: path.stem)


@CATALOGUES
def test_every_text_has_a_translation(path: Path) -> None:
    assert texts.problems(path) == [], "run `make texts`, and give what is new a translation"


@CATALOGUES
def test_the_catalogue_is_as_the_tool_writes_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == texts.updated(path), "run `make texts`"


@CATALOGUES
def test_a_translation_fills_in_what_the_text_fills_in(path: Path) -> None:
    wrong = []
    for message in texts.read(path):
        if message.id:
            one, *_ = [message.id] if isinstance(message.id, str) else message.id
            wrong += [text for text in texts.translations(message) if _placeholders(text) != _placeholders(one)]
    assert wrong == []


@CATALOGUES
def test_the_edges_of_a_translation_are_those_of_the_text(path: Path) -> None:
    """Blanks and line breaks place a text on the screen."""
    for message in texts.read(path):
        for text in texts.translations(message) if message.id else ():
            one = message.id if isinstance(message.id, str) else message.id[0]
            assert (text[:1].isspace(), text[-1:].isspace()) == (one[:1].isspace(), one[-1:].isspace()), one


def test_a_forgotten_and_an_obsolete_text_are_found(tmp_path: Path) -> None:
    path = tmp_path / "ko.po"
    whole = texts.CATALOGUES[0].read_text(encoding="utf-8")
    path.write_text(whole.replace('msgid "computing"', 'msgid "a text of before"'), encoding="utf-8")
    assert texts.problems(path) == ["not in the catalogue: 'computing'", "no text of the screens: 'a text of before'"]
    path.write_text(texts.updated(path), encoding="utf-8")
    assert texts.problems(path) == ["without a translation: 'computing'"]
    assert "a text of before" not in path.read_text(encoding="utf-8")


def test_texts_are_found_wherever_they_stand() -> None:
    found = texts.texts()
    for text in ("Dispatch", "waiting for GPU", "No beam has failed.", "NOT FOR DIAGNOSIS", "This machine", "cursor"):
        assert text in found
    assert found["{count} more beam"].many == "{count} more beams"
    assert found["{count} beam"].files == {
        "mqi_tui/ui/attention.py",
        "mqi_tui/ui/details.py",
        "mqi_tui/ui/plan_page.py",
        "mqi_tui/ui/questions.py",
        "mqi_tui/ui/targets.py",
    }


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

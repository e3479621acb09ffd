"""The language of the filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.filtering import EXAMPLE, Filter, Term, terms_of
from tests.support.screens import MIDDLE, SMALL, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_folder, a_snapshot

CASE = a_case(
    "DOE J",
    a_beam("DOE J", "b1", BeamStatus.FAILED),
    a_beam("DOE J", "b2", BeamStatus.HPC_RUNNING, gpu_id=3),
    a_beam("DOE J", "b3", BeamStatus.HPC_RUNNING, gpu_id=13),
    a_beam("DOE J", "b4", BeamStatus.HPC_QUEUED),
    a_beam("DOE J", "b5", BeamStatus.COMPLETED),
)


def _names(text: str) -> str:
    return " ".join(beam.beam_name for beam in Filter(text).beams_of(CASE) or ())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "b1 b2 b3 b4 b5"),
        ("doe", "b1 b2 b3 b4 b5"),
        ("b1", "b1"),
        ("doe waiting", "b4"),
        ("state:failed", "b1"),
        ("STATE:Failed", "b1"),
        ("state:", "b1 b2 b3 b4 b5"),
        ('state:"waiting for"', "b4"),
        ('state:"waiting for gpu', "b4"),
        ("-state:computing", "b1 b4 b5"),
        ("-completed -failed", "b2 b3 b4"),
        ("gpu:3", "b2"),
        ("gpu:13", "b3"),
        ("gpu:4", ""),
        ("-gpu:3", "b1 b3 b4 b5"),
        ('case:"doe j" state:computing -gpu:3', "b3"),
        ("case:smith", ""),
        ("-case:doe", ""),
        ("-doe", ""),
        ("-", "b1 b2 b3 b4 b5"),
        ('"', "b1 b2 b3 b4 b5"),
        ("xyz:failed", ""),
        ("state:failed state:computing", ""),
    ],
)
def test_what_is_typed_finds_these_beams(text: str, names: str) -> None:
    assert _names(text) == names


def test_an_unknown_prefix_is_part_of_a_word() -> None:
    assert terms_of("12:30 -a:b states:x") == (
        Term("", "12:30", False),
        Term("", "a:b", True),
        Term("", "states:x", False),
    )


def test_a_failed_case_shows_its_other_beams_to_a_word_but_not_to_a_state() -> None:
    case = a_case("alpha", a_beam("alpha", "b1", BeamStatus.FAILED), a_beam("alpha", "b2", BeamStatus.COMPLETED))
    assert Filter("failed").beams_of(case) == case.beams
    assert Filter("state:failed").beams_of(case) == case.beams[:1]


@pytest.mark.parametrize(
    ("text", "is_let_through"),
    [("gamma", True), ("case:gam", True), ("state:incomplete", True), ("gpu:1", False), ("-gamma", False)],
)
def test_folders_are_filtered_too(text: str, is_let_through: bool) -> None:
    assert Filter(text).lets_folder_through(a_folder("gamma", FolderState.INCOMPLETE, "x")) is is_let_through


_TYPED = st.text(max_size=40) | st.lists(
    st.sampled_from(["state:", "case:", "gpu:", "-", '"', " ", "failed", "3", "[/red]", "\x1b", "x:y", "DOE"])
).map("".join)


@given(_TYPED)
def test_any_text_is_a_filter_and_what_it_lets_through_is_of_the_case(text: str) -> None:
    beams = Filter(text).beams_of(CASE)
    assert beams is None or (beams and set(beams) <= set(CASE.beams))
    if not Filter(text).is_on:
        assert beams == CASE.beams


@given(_TYPED)
def test_every_term_has_a_value_and_none_holds_what_was_not_typed(text: str) -> None:
    for term in terms_of(text):
        assert term.value
        assert term.value in text.casefold()


@given(st.sampled_from(["state", "case", "gpu"]), st.text("abcdefghij1234", min_size=1, max_size=8))
def test_a_term_and_its_opposite_divide_the_beams(prefix: str, value: str) -> None:
    with_it = set(Filter(f"{prefix}:{value}").beams_of(CASE) or ())
    without = set(Filter(f"-{prefix}:{value}").beams_of(CASE) or ())
    assert with_it | without == set(CASE.beams)
    assert not with_it & without


@given(st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_what_is_in_quotes_is_taken_as_it_is(value: str) -> None:
    assert terms_of(f'state:"{value}"') == (Term("state", value.casefold(), False),)


@given(st.lists(st.text("abc", min_size=1, max_size=3), max_size=4))
def test_the_order_of_terms_says_nothing(words: list[str]) -> None:
    assert Filter(" ".join(words)).beams_of(CASE) == Filter(" ".join(reversed(words))).beams_of(CASE)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_an_example_is_shown_while_nothing_is_typed(size: tuple[int, int]) -> None:
    async with on_stage(ScriptedEngine(a_snapshot(CASE)), size) as stage:
        await stage.press("slash")
        assert EXAMPLE in stage.text
        await stage.press(*"state", "colon", *"failed", "enter")
        assert EXAMPLE not in stage.text
        assert [row.beam.beam_name for row in stage.beams.rows] == ["b1"]


@given(st.sampled_from(["[/red]", "[@click=app.quit]x[/]", "\x1b[2J", "\u202e", "a\\[b", '"["']))
def test_no_typed_text_is_an_expression_of_another_language(text: str) -> None:
    assert Filter(text).beams_of(CASE) is None

"""Cutting, padding and wrapping by cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mqi_tui.domain.text import printable
from mqi_tui.ui.pages import hanging
from mqi_tui.ui.text import (
    bar,
    cut,
    cut_middle,
    fit,
    fit_middle,
    fit_right,
    one_line,
    percent,
    shortened,
    time_range,
    without_folders,
    wrap,
)
from mqi_tui.ui.tones import Tone

_ANY_TEXT = st.text(st.characters(), max_size=80) | st.text("한글가나다 [/]\x1b\r\n\tABC…", max_size=80)
_WIDTHS = st.integers(0, 60)


@given(_ANY_TEXT, _WIDTHS)
def test_padded_text_is_exactly_as_wide_as_asked_for(text: str, width: int) -> None:
    for pad in (fit, fit_middle, fit_right):
        assert cell_len(pad(text, width)) == width


@given(_ANY_TEXT, _WIDTHS)
def test_cut_text_is_printable_and_never_wider_than_asked_for(text: str, width: int) -> None:
    for shorten in (cut, cut_middle):
        shown = shorten(text, width)
        assert cell_len(shown) <= width
        assert shown == printable(shown)


@given(_ANY_TEXT, st.integers(2, 60))
def test_wrapped_text_fits_and_loses_no_visible_character(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    visible = "".join("".join(lines).split())
    assert visible == "".join("".join(one_line(part) for part in text.splitlines()).split())


def test_text_that_fits_is_left_as_it_is() -> None:
    assert cut("DOE^JOHN [QA] 한글", 18) == "DOE^JOHN [QA] 한글"
    assert cut_middle("DOE^JOHN [QA] 한글", 18) == "DOE^JOHN [QA] 한글"


def test_wide_characters_are_never_halved() -> None:
    assert cut("한글한글", 6) == "한글…"
    assert fit("한글한글", 6) == "한글… "
    assert fit_middle("한글한글", 6) == "한…글 "


def test_a_name_cut_in_its_middle_keeps_its_end() -> None:
    assert cut_middle("2025042401440800", 9) == "20…440800"
    assert cut_middle("2025042401440800", 5) == "2…800"


def test_controls_and_direction_marks_become_visible() -> None:
    assert one_line("a\x1b[31mb\u202ec\nd\te") == "a\ufffd[31mb\ufffdc d e"


def test_a_bar_is_full_only_when_all_is_done() -> None:
    assert bar(0.0, 4) == ("", "────")
    assert bar(0.5, 5) == ("━━╸", "──")
    assert bar(0.999, 4) == ("━━━╸", "")
    assert bar(1.0, 4) == ("━━━━", "")


def test_the_ends_of_stages_are_ticks_on_a_bar() -> None:
    assert bar(0.0, 10, (0.1, 0.15, 0.9)) == ("", "─┼───────┼")
    assert bar(0.5, 10, (0.1, 0.9)) == ("━┿━━━", "────┼")
    assert bar(1.0, 10, (0.1, 0.9)) == ("━┿━━━━━━━┿", "")
    assert bar(0.2, 4, (0.1, 0.15, 0.9)) == ("╸", "──┼")


def test_percent_is_rounded_down_so_that_100_means_done() -> None:
    assert [percent(value) for value in (0.0, 0.57, 0.999, 1.0)] == ["0%", "57%", "99%", "100%"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((0.0, 0.0), "0 s"),
        ((3.2, 3.9), "3-4 s"),
        ((20.0, 40.0), "20-40 s"),
        ((59.0, 130.0), "0-3 min"),
        ((120.0, 120.0), "2 min"),
        ((3000.0, 7200.0), "0-2 h"),
        ((0.5, 1e6), "0-278 h"),
    ],
)
def test_a_range_of_time_is_rounded_outwards(seconds: tuple[float, float], words: str) -> None:
    assert time_range(*seconds) == words


def test_what_a_terminal_would_not_show_or_show_at_a_width_of_its_own_is_replaced() -> None:
    assert printable("a\u3164\ufe0f\u115fb") == "a���b"
    assert printable("🇰🇷👍🏽") == "��👍�"
    assert printable("ᄒ\u1161\u11ab e\u0301") == "ᄒ\u1161\u11ab e\u0301"


def test_a_heap_of_marks_on_one_letter_is_bounded_and_told() -> None:
    assert printable("Z" + "\u0301" * 10_000 + "y") == "Z" + "\u0301" * 8 + "�y"
    assert printable("\u0301" * 8 + "y") == "\u0301" * 8 + "y"


def test_a_long_text_loses_its_middle_and_keeps_its_line_breaks() -> None:
    assert shortened("a\nb", 10) == "a\nb"
    assert shortened("x" * 60 + "y" * 60, 30) == "x" * 20 + " … " + "y" * 10


def test_a_text_behind_a_long_name_begins_on_a_line_of_its_own() -> None:
    lines = [
        "".join(text for text, _ in line) for line in hanging([("n" * 30, Tone.MUTED)], "a value", Tone.NORMAL, 40)
    ]
    assert lines == ["n" * 30, "    a value"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Cannot write /mnt/share/a/b.csv: no room.",
            "Cannot write …/b.csv: no room.",
        ),
        ("'/data/x' is not there, '/data/y/z' neither", "'/data/x' is not there, '…/z' neither"),
        ("Cannot rename /a/b/c to /a/b/d", "Cannot rename …/c to …/d"),
        (
            "/data is full; see https://site/docs/disk or 3/4/5 and results/a/b",
            "/data is full; see https://site/docs/disk or 3/4/5 and results/a/b",
        ),
    ],
)
def test_the_folders_of_paths_are_left_out(text: str, shown: str) -> None:
    assert without_folders(text) == shown

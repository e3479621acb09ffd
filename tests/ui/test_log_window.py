"""The bounded window on a log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.ui.log_window import MAX_LINE_LENGTH, LogWindow


def _lines(window: LogWindow) -> list[str]:
    return [window[number] for number in range(len(window))]


@given(st.lists(st.text("ab한\x1b[0m\r\t", max_size=10), min_size=1, max_size=10), st.data())
def test_lines_may_arrive_in_any_pieces(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    whole, pieces = LogWindow(), LogWindow()
    whole.feed(text)
    rest = text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.feed(rest[:size])
        rest = rest[size:]
    assert _lines(pieces) == _lines(whole)


def test_a_line_still_growing_is_shown() -> None:
    window = LogWindow()
    window.feed("one\ntw")
    assert _lines(window) == ["one", "tw"]
    window.feed("o\n")
    assert _lines(window) == ["one", "two"]


def test_only_the_latest_lines_are_kept_and_the_dropped_ones_counted() -> None:
    window = LogWindow(max_lines=3)
    assert window.feed("1\n2\n3\n4\n5\n") == 2
    assert _lines(window) == ["3", "4", "5"]


def test_a_line_without_end_takes_bounded_memory_and_says_that_it_is_cut() -> None:
    window = LogWindow()
    for _ in range(100):
        window.feed("x" * 10_000)
    [line] = _lines(window)
    assert line.startswith("x" * MAX_LINE_LENGTH)
    assert line.endswith("(cut: the line has 1,000,000 characters)")
    assert len(line) < MAX_LINE_LENGTH + 100


def test_escape_sequences_and_controls_never_reach_the_terminal() -> None:
    window = LogWindow()
    window.feed("\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 nul\x00 c1\x9b\n")
    assert _lines(window) == ["red bell\ufffd nul\ufffd c1\ufffd"]


def test_what_a_carriage_return_overwrote_is_not_shown() -> None:
    window = LogWindow()
    window.feed("10%\r20%\r30%\r\nnext\r\n")
    assert _lines(window) == ["30%", "next"]


def test_what_follows_an_escape_sequence_without_end_is_not_swallowed() -> None:
    window = LogWindow()
    window.feed("\x1b]0;title that never ends, and the error\n")
    assert _lines(window) == ["\ufffd]0;title that never ends, and the error"]

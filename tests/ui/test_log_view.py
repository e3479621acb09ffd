"""The live log of the selected beam."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Input

from mqi_tui.domain.errors import TransientError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.log_window import MAX_LINES
from mqi_tui.ui.widgets import log_view
from tests.support.screens import LARGE, MIDDLE, SMALL, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, ScriptedLog, a_beam, a_case, a_snapshot


def _snapshot() -> EngineSnapshot:
    return a_snapshot(
        a_case(
            "alpha",
            a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, gpu_id=0, attempt=1),
            a_beam("alpha", "b2", BeamStatus.HPC_RUNNING, gpu_id=1, attempt=1),
            a_beam("alpha", "b3"),
        )
    )


def _engine(**logs: ScriptedLog) -> ScriptedEngine:
    engine = ScriptedEngine(_snapshot())
    engine.logs = {f"alpha_{name}": log for name, log in logs.items()}
    return engine


def _numbered(first: int, last: int) -> bytes:
    return "".join(f"line {number}\n" for number in range(first, last + 1)).encode()


async def test_the_log_follows_its_end_and_reads_on_from_where_it_was() -> None:
    log = ScriptedLog(data=_numbered(1, 100))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        size = len(log.data)
        log.data += _numbered(101, 150)
        await stage.until(lambda: "line 150" in stage.text)
        assert size in log.reads
        assert stage.log.lines == [f"line {number}" for number in range(1, 151)]


async def test_a_reader_who_scrolled_up_stays_where_he_is() -> None:
    log = ScriptedLog(data=_numbered(1, 100))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        stage.log.focus()
        await stage.press("home")
        log.data += _numbered(101, 150)
        await stage.until(lambda: len(stage.log.lines) == 150)
        assert stage.log.scroll_offset.y == 0
        assert "scrolled up" in stage.text
        await stage.press("end")
        assert "line 150" in stage.text
        log.data += _numbered(151, 160)
        await stage.until(lambda: "line 160" in stage.text)


async def test_a_new_attempt_begins_the_log_anew() -> None:
    log = ScriptedLog(data=_numbered(1, 100))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        log.attempt, log.data = 2, b"second try\n"
        await stage.until(lambda: stage.log.lines == ["second try"])
        assert "Log of alpha_b1 · attempt 2" in stage.text


async def test_another_beams_log_replaces_the_first_ones() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=b"first\n"), b2=ScriptedLog(data=b"second\n"))) as stage:
        await stage.until(lambda: stage.log.lines == ["first"])
        await stage.press("tab", "down")
        await stage.until(lambda: stage.log.lines == ["second"])


async def test_a_long_log_is_shown_from_its_last_part_in_bounded_memory() -> None:
    log = ScriptedLog(data=_numbered(1, 200_000))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: "line 200000" in stage.text)
        assert max(log.reads) >= len(log.data) - 65_536
        assert "its last part" in stage.text
        log.data += _numbered(200_001, 220_000)
        await stage.until(lambda: "line 220000" in stage.text)
        assert len(stage.log.lines) <= MAX_LINES + 1


async def test_nothing_slides_under_a_reader_when_the_window_is_full() -> None:
    log = ScriptedLog(data=_numbered(1, 100))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        stage.log.focus()
        await stage.press("home")
        log.data += _numbered(101, 60_000)
        await stage.until(lambda: len(stage.log.lines) >= MAX_LINES)
        reads = len(log.reads)
        top = stage.log.render_line(0).text
        await stage.pilot.pause(log_view.LIVE_INTERVAL_SECONDS * 1.5)
        assert len(log.reads) == reads
        assert stage.log.render_line(0).text == top
        await stage.press("end")
        await stage.until(lambda: "line 60000" in stage.text)


async def test_a_log_that_cannot_be_read_says_so_and_is_read_again() -> None:
    engine = _engine(b1=ScriptedLog(data=b"here again\n"))
    engine.log_trouble = TransientError("no route to [hpc]")
    async with on_stage(engine) as stage:
        await stage.until(lambda: "The log cannot be read now: no route to [hpc]" in stage.text)
        engine.log_trouble = None
        await stage.until(lambda: stage.log.lines == ["here again"])
        assert "no route" not in stage.text


async def test_a_beam_that_never_computed_has_no_log_and_says_why() -> None:
    async with on_stage(_engine()) as stage:
        await stage.press("tab", "end")
        await stage.until(lambda: "There is no log yet" in stage.text)


async def test_long_lines_are_read_by_scrolling_sideways() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=b"x" * 500 + b" the end\n"))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 1)
        stage.log.focus()
        assert "the end" not in stage.text
        stage.log.scroll_to(x=450, animate=False, force=True)
        await stage.until(lambda: "the end" in stage.text)


async def test_the_log_of_a_beam_that_was_at_rest_is_looked_for_when_the_beam_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_view, "REST_INTERVAL_SECONDS", 3600.0)
    monkeypatch.setattr(log_view, "LIVE_INTERVAL_SECONDS", 3600.0)
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha", "b1"))))
    log = ScriptedLog()
    engine.logs = {"alpha_b1": log}
    async with on_stage(engine) as stage:
        await stage.until(lambda: len(log.reads) >= 1)
        log.data = b"it computes\n"
        engine.publish(a_snapshot(a_case("alpha", a_beam("alpha", "b1", BeamStatus.HPC_RUNNING, attempt=1, gpu_id=0))))
        await stage.until(lambda: "it computes" in stage.text)


async def test_errors_of_the_engine_are_marked_with_their_meaning_and_can_be_jumped_to() -> None:
    data = _numbered(1, 100) + b"CUDA error at [x]: out of memory\n" + _numbered(101, 200) + b"std::bad_alloc\n"
    data += _numbered(201, 300)
    async with on_stage(_engine(b1=ScriptedLog(data=data)), LARGE) as stage:
        await stage.until(lambda: "line 300" in stage.text)
        stage.log.focus()
        await stage.press("home", "x")
        first = lines_of(stage.log)[0]
        assert first.startswith("►CUDA error at [x]: out of memory  ◂ the GPU's memory is full")
        await stage.press("x")
        assert lines_of(stage.log)[0].startswith("►std::bad_alloc  ◂ the node's memory is full")
        await stage.press("x")
        assert stage.toasts == ["No other error below in this log."]
        await stage.press("X")
        assert lines_of(stage.log)[0] == first
        assert stage.log.lines[100] == "CUDA error at [x]: out of memory"


_SHORT_WITH_ERRORS = b"line 1\nCUDA error: out of memory\nline 3\nstd::bad_alloc\nline 5\n"


@pytest.mark.parametrize(
    ("key", "lines", "toast"),
    [
        ("x", ["CUDA error: out of memory", "std::bad_alloc"], "No other error below in this log."),
        ("X", ["std::bad_alloc", "CUDA error: out of memory"], "No other error above in this log."),
    ],
)
@pytest.mark.parametrize("wrap", [[], ["w"]])
async def test_errors_are_gone_to_where_nothing_can_be_scrolled(
    key: str, lines: list[str], toast: str, wrap: list[str]
) -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_SHORT_WITH_ERRORS))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 5)
        stage.log.focus()
        await stage.press(*wrap)
        for line in lines:
            await stage.press(key, "L")
            assert stage.app.clipboard == line
            marked = [row for row in lines_of(stage.log) if row.startswith("►")]
            assert marked[0].startswith(f"►{line}")
        stage.app.clear_notifications()
        await stage.press(key)
        assert stage.toasts[-1] == toast


@pytest.mark.parametrize("key", ["x", "X"])
async def test_an_error_on_the_last_line_is_gone_to_from_a_log_that_follows_its_end(key: str) -> None:
    data = _numbered(1, 299) + b"CUDA error: out of memory\n"
    async with on_stage(_engine(b1=ScriptedLog(data=data))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 300)
        stage.log.focus()
        assert stage.log.is_following
        await stage.press(key, "L")
        assert stage.app.clipboard == "CUDA error: out of memory"
        assert lines_of(stage.log)[-1].startswith("►CUDA error")


async def test_matches_are_gone_to_where_nothing_can_be_scrolled() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_numbered(1, 5)))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 5)
        stage.log.focus()
        copied = []
        for keys in (["ctrl+f", *"line", "enter"], ["f3"], ["f3"], ["shift+f3"]):
            await stage.press(*keys)
            await stage.until(lambda: stage.log.has_focus and "►" in stage.text)
            await stage.press("L")
            copied.append(stage.app.clipboard)
        assert copied == ["line 1", "line 2", "line 3", "line 2"]


async def test_the_mark_of_the_line_gone_to_stays_in_the_margin_of_lines_scrolled_sideways() -> None:
    data = b"x" * 500 + b"\nCUDA error: out of memory " + b"y" * 400 + b" end of line\n"
    async with on_stage(_engine(b1=ScriptedLog(data=data))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 2)
        stage.log.focus()
        await stage.press("x")
        stage.log.scroll_to(x=400, animate=False, force=True)
        await stage.until(lambda: "end of line" in stage.text)
        first, second, *_ = lines_of(stage.log)
        assert (first[0], second[0]) == (" ", "►")
        assert second[: len("►yy")] == "►yy"


async def test_words_are_looked_for_taken_literally_and_shown_where_they_are() -> None:
    data = _numbered(1, 100) + b"Batch [7] of 9\n" + _numbered(101, 200) + b"batch [7] again\n" + _numbered(201, 300)
    async with on_stage(_engine(b1=ScriptedLog(data=data)), LARGE) as stage:
        await stage.until(lambda: "line 300" in stage.text)
        stage.log.focus()
        await stage.press("home", "ctrl+f", *"BATCH [7]", "enter")
        await stage.until(lambda: lines_of(stage.log)[0].startswith("►Batch [7] of 9"))
        await stage.press("f3")
        assert lines_of(stage.log)[0].startswith("►batch [7] again")
        await stage.press("f3")
        assert stage.toasts == ["No match below in this log."]
        await stage.press("shift+f3")
        assert lines_of(stage.log)[0].startswith("►Batch [7] of 9")
        await stage.press("ctrl+f", "escape", "f3")
        assert lines_of(stage.log)[0].startswith("►batch [7] again")


def _long(first: int, last: int, *, end: str = "") -> bytes:
    return "".join(f"line {number} {'x' * 400}{end}\n" for number in range(first, last + 1)).encode()


async def test_wrapped_lines_are_seen_whole_and_the_line_at_the_top_stays_there() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_long(1, 100, end=" end")))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press("home", *["down"] * 30, "right", "right")
        top, x = stage.log.render_line(0).text, stage.log.scroll_offset.x
        await stage.press("w")
        rows = "".join(line.strip() for line in lines_of(stage.log))
        assert rows.startswith(f"line 31 {'x' * 400} endline 32 ")
        assert not stage.log.is_following
        await stage.press("w")
        assert (stage.log.render_line(0).text, stage.log.scroll_offset.x) == (top, x)


async def test_a_wrapped_log_follows_its_end() -> None:
    log = ScriptedLog(data=_long(1, 50, end=" end"))
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: len(stage.log.lines) == 50)
        stage.log.focus()
        await stage.press("w")
        assert lines_of(stage.log)[-1].strip().endswith("x end")
        log.data += b"the very last one\n"
        await stage.until(lambda: lines_of(stage.log)[-1].strip() == "the very last one")


async def test_a_wrapped_log_is_wrapped_anew_when_its_pane_gets_another_width() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_long(1, 100)))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press("home", *["down"] * 30, "w")
        await stage.pilot.resize_terminal(*LARGE)
        await stage.until(lambda: len(lines_of(stage.log)[0].rstrip()) > 100)
        await stage.until(
            lambda: "".join(line.strip() for line in lines_of(stage.log)).startswith(f"line 31 {'x' * 400}line 32")
        )


@pytest.mark.parametrize("keys", [[], ["w"]])
async def test_a_log_that_follows_its_end_shows_it_in_a_terminal_of_every_size(keys: list[str]) -> None:
    log = ScriptedLog(data=_long(1, 99) + b"the end\n")
    async with on_stage(_engine(b1=log), MIDDLE) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press(*keys)
        for size in (SMALL, MIDDLE, SMALL, LARGE, MIDDLE):
            await stage.pilot.resize_terminal(*size)
            await stage.until(lambda: lines_of(stage.log)[-1].strip() == "the end")
            assert stage.log.is_following
        await stage.pilot.resize_terminal(*SMALL)
        log.data += b"and more\n"
        await stage.until(lambda: lines_of(stage.log)[-1].strip() == "and more")


async def test_a_reader_who_scrolled_up_keeps_his_place_in_a_terminal_of_every_size() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_numbered(1, 100))), MIDDLE) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press("home", *["down"] * 30)
        for size in (SMALL, MIDDLE, SMALL, LARGE, MIDDLE):
            await stage.pilot.resize_terminal(*size)
            await stage.pause()
            assert lines_of(stage.log)[0].strip() == "line 31"
            assert not stage.log.is_following


async def test_a_log_of_which_all_is_seen_in_a_larger_terminal_follows_its_end_again() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_numbered(1, 15))), SMALL) as stage:
        await stage.until(lambda: len(stage.log.lines) == 15)
        stage.log.focus()
        await stage.press("home")
        await stage.until(lambda: "scrolled up" in stage.text)
        await stage.pilot.resize_terminal(*LARGE)
        await stage.until(lambda: "scrolled up" not in stage.text)
        assert "line 15" in stage.text
        await stage.pilot.resize_terminal(*SMALL)
        await stage.until(lambda: lines_of(stage.log)[-1].strip() == "line 15")


async def test_matches_and_errors_are_gone_to_in_wrapped_lines() -> None:
    data = (
        _long(1, 50)
        + b"y" * 900
        + b" needle [2] there\n"
        + _long(51, 99)
        + b"CUDA error: out of memory\n"
        + _long(1, 50)
    )
    async with on_stage(_engine(b1=ScriptedLog(data=data))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 151)
        stage.log.focus()
        await stage.press("home", "w", "ctrl+f", *"needle [2]", "enter")
        await stage.until(lambda: "needle [2] there" in lines_of(stage.log)[0])
        await stage.press("L")
        assert stage.app.clipboard == "y" * 900 + " needle [2] there"
        await stage.press("f3")
        assert stage.toasts[-1] == "No match below in this log."
        await stage.press("x")
        assert lines_of(stage.log)[0].startswith("►CUDA error: out of memory  ◂ the GPU's memory is full")
        await stage.press("X")
        assert stage.toasts[-1] == "No other error above in this log."
        await stage.press("shift+f3")
        assert "needle [2] there" in lines_of(stage.log)[0]


async def test_nothing_slides_under_a_reader_of_wrapped_lines_when_old_ones_go(monkeypatch: pytest.MonkeyPatch) -> None:
    log = ScriptedLog(data=_long(1, 300) + _numbered(1, MAX_LINES - 310))
    monkeypatch.setattr(log_view, "CHUNK_BYTES", 1_000_000)
    async with on_stage(_engine(b1=log)) as stage:
        await stage.until(lambda: len(stage.log.lines) == MAX_LINES - 10)
        stage.log.focus()
        await stage.press("w", "pageup", "pageup")
        top = stage.log.render_line(0).text
        log.data += _numbered(1, 200)
        await stage.until(lambda: len(stage.log.lines) == MAX_LINES)
        assert stage.log.render_line(0).text == top


async def test_what_is_on_the_screen_is_copied_whole_and_told() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_long(1, 100, end=" [b]end")))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press("home", "Y")
        lines = stage.app.clipboard.split("\n")
        assert lines == [f"line {number} {'x' * 400} [b]end" for number in range(1, stage.log.size.height + 1)]
        size = len(stage.app.clipboard)
        assert stage.toasts == [f"Handed to the clipboard\n{len(lines)} lines of the log: {size:,} bytes."]
        await stage.press("w", "Y")
        assert stage.app.clipboard.split("\n") == lines[: -(-stage.log.size.height // 6)]


async def test_the_line_at_the_top_is_copied_when_none_was_gone_to() -> None:
    data = _numbered(1, 100) + b"CUDA error: out of memory\n" + _numbered(101, 200)
    async with on_stage(_engine(b1=ScriptedLog(data=data))) as stage:
        await stage.until(lambda: "line 200" in stage.text)
        stage.log.focus()
        await stage.press("home", "L")
        assert stage.app.clipboard == "line 1"
        assert stage.toasts == ["Handed to the clipboard\nThe line “line 1”: 6 bytes."]
        await stage.press("x", "up", "L")
        assert stage.app.clipboard == "CUDA error: out of memory"
        await stage.press("end", "L")
        assert stage.app.clipboard.startswith("line 1")


async def test_a_key_acts_on_what_the_key_before_it_has_brought_to_the_top() -> None:
    async with on_stage(_engine(b1=ScriptedLog(data=_numbered(1, 100)))) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.until(lambda: stage.log.has_focus)
        height = stage.log.size.height
        for key, top in (("home", 1), ("pagedown", 1 + height), ("down", 2 + height), ("end", 101 - height)):
            # Both have come before either is handled.
            stage.app.simulate_key(key)
            stage.app.simulate_key("L")
            await stage.until(lambda: stage.app.clipboard == f"line {top}")  # noqa: B023


async def test_a_log_that_is_not_there_is_neither_copied_nor_saved() -> None:
    async with on_stage(_engine()) as stage:
        stage.log.focus()
        await stage.press("Y", "L", "S")
        assert stage.toasts == ["The log is empty so far."] * 3
        assert stage.app.clipboard == ""


async def test_the_whole_log_is_saved_where_the_reader_says() -> None:
    engine = _engine(b1=ScriptedLog(data=_numbered(1, 100)))
    engine.inspector.gate = asyncio.Event()
    async with on_stage(engine, SMALL) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        stage.log.focus()
        await stage.press("S")
        assert " /data/results " in stage.text
        assert "simulation-attempt-1.log" in stage.text
        await stage.press("enter")
        await stage.until(lambda: len(engine.inspector.saves) == 1)
        await stage.until(lambda: "saving 25%" in stage.text)
        await stage.press("S")
        assert stage.toasts == ["The log of alpha_b1 is being saved (25%); the next one after it."]
        stage.main.query_one("#beams").focus()
        await stage.press("down")
        await stage.until(lambda: "Log of alpha_b2" in stage.text)
        assert "saving" not in stage.text
        await stage.press("up")
        await stage.until(lambda: "saving 25%" in stage.text)
        engine.inspector.gate.set()
        await stage.until(lambda: "saving 25%" not in stage.text)
        said = "saved the whole log of attempt 1, 200,000,000 bytes: /data/results/simulation-attempt-1.log"
        assert said in stage.toasts
        assert engine.inspector.saves == [("alpha_b1", 1, Path("/data/results/simulation-attempt-1.log"), False)]
        stage.log.focus()
        await stage.until(lambda: "line 100" in stage.text)
        await stage.press("S")
        await stage.until(lambda: isinstance(stage.app.focused, Input))
        await stage.press(*["backspace"] * 40, *"of [b]1.log", "enter")
        await stage.until(lambda: len(engine.inspector.saves) == 2)
        assert engine.inspector.saves[1][2] == Path("/data/results/of [b]1.log")
        await stage.press("S", "escape")
        assert len(engine.inspector.saves) == 2


async def test_a_file_that_is_there_is_replaced_only_when_the_reader_says_yes(tmp_path: Path) -> None:
    engine = _engine(b1=ScriptedLog(data=_numbered(1, 100)))
    engine.inspector.log_file = tmp_path / "there.log"
    engine.inspector.log_file.write_text("precious")
    async with on_stage(engine) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        stage.log.focus()
        await stage.press("S", "enter")
        await stage.until(lambda: "Replace the file that is there?" in stage.text)
        assert "It has 8 bytes" in stage.text
        await stage.press("enter")
        assert engine.inspector.saves == []
        await stage.press("S", "enter")
        await stage.until(lambda: "Replace the file that is there?" in stage.text)
        await stage.press("y")
        await stage.until(lambda: engine.inspector.saves == [("alpha_b1", 1, tmp_path / "there.log", True)])


async def test_why_a_log_cannot_be_saved_is_told() -> None:
    engine = _engine(b1=ScriptedLog(data=_numbered(1, 100)))
    engine.inspector.saved_log = TransientError("no room [here]")
    async with on_stage(engine) as stage:
        await stage.until(lambda: "line 100" in stage.text)
        stage.log.focus()
        await stage.press("S", "enter")
        await stage.until(lambda: stage.toasts == ["Refused\nno room [here]"])
        assert "saving" not in stage.text

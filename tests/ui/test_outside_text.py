"""Text from outside is shown as it is, everywhere: never read as markup, never sent as control codes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.text import printable
from mqi_tui.ui.text import one_line
from tests.support.screens import LARGE, a_config, lines_of, on_stage
from tests.support.scripted_engine import (
    ScriptedEngine,
    ScriptedLog,
    a_beam,
    a_case,
    a_folder,
    a_snapshot,
    an_event,
)

NAME = "DOE^JOHN [QA] 한글"

_NASTY = (
    st.sampled_from(
        ["[/tmp/x]", "[red]", "[@click=app.quit]x[/]", "$x", "\x1b[2J", "\x9b31m", "\u202eabc", "a\\[b", "]"]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.text("א ب ก 한 🙂 e\u0301", max_size=20)
    | st.just("x" * 300)
)


def _snapshot(name: str, beam_name: str = "b1") -> EngineSnapshot:
    beam = a_beam(
        name,
        beam_name,
        BeamStatus.HPC_RUNNING,
        gpu_id=0,
        hpc_job_id=name,
        attempt=1,
        detail=f"detail {name}",
    )
    failed = a_beam(name, f"{beam_name}.", BeamStatus.FAILED, error=f"error {name}")
    return a_snapshot(
        a_case(name, beam, failed, warnings=(f"warning {name}",)),
        folders=[a_folder(name.replace("/", "_") or "x", FolderState.REFUSED, f"reason {name}")],
        events=[an_event(1, f"event {name}", beam_id=beam.beam_id, level="error")],
        scan_trouble=f"notice {name}",
    )


def _engine(name: str) -> ScriptedEngine:
    engine = ScriptedEngine(_snapshot(name))
    engine.logs[f"{name}_b1"] = ScriptedLog(1, f"log {name}\n".encode(errors="replace"))
    engine.answers["dispatch"] = f"answer {name}"
    return engine


async def test_a_patients_label_is_shown_exactly_in_every_place() -> None:
    async with on_stage(_engine(NAME), LARGE) as stage:
        await stage.press("right")
        await stage.until(lambda: f"log {NAME}" in stage.text)
        text = stage.text
        for place in (f"Beams of {NAME}", f"notice {NAME}", f"{NAME}_b1: event {NAME}", f"Log of {NAME}_b1"):
            assert place in text
        assert any(line.startswith(f"▌▾ ! {NAME} ") for line in lines_of(stage.cases))
        assert any(f"{NAME}_b1" in line for line in lines_of(stage.main.query_one("#gpus")))
        assert f"warning {NAME}" in stage.details.text
        await stage.press("tab", "down")
        assert f"error {NAME}" in stage.details.text
        await stage.press("a")
        assert any(f"{NAME}_b1 " in line for line in lines_of(stage.beams))


async def test_a_patients_label_is_shown_exactly_in_toast_question_and_event_list() -> None:
    async with on_stage(_engine(NAME), LARGE) as stage:
        await stage.press("d")
        await stage.until(lambda: stage.toasts == [f"answer {NAME}"])
        await stage.press("c")
        assert f"Cancel case {NAME}?" in stage.text
        await stage.press("escape", "e")
        assert f"{NAME}_b1: event {NAME}" in stage.text


@given(st.lists(_NASTY, min_size=1, max_size=10))
@settings(deadline=None, max_examples=5)
async def test_no_text_from_outside_crashes_a_widget_or_reaches_the_terminal_raw(names: list[str]) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), LARGE) as stage:
        for name in names:
            stage.main.show(_snapshot(name))
            await stage.press("a", "end", "space")
            assert f"error {one_line(name)}".strip() in stage.details.text
            assert stage.log.border_title is not None
            painted = [*lines_of(stage.cases), *lines_of(stage.beams), *lines_of(stage.main.query_one("#event"))]
            assert all(printable(line) == line for line in painted)
            await stage.press("a", "end")
            assert one_line(f"reason {name}") in stage.details.text


@given(_NASTY)
@settings(deadline=None, max_examples=5)
async def test_no_text_from_outside_crashes_a_toast_or_a_modal(name: str) -> None:
    config = a_config(keys={"rerun_target": ["F"]})
    async with on_stage(_engine(name), LARGE, config=config) as stage:
        await stage.press("d")
        await stage.until(lambda: bool(stage.toasts))
        assert all(printable(line) == line for toast in stage.toasts for line in toast.split("\n"))
        for key in ("c", "F", "q", "e", "question_mark", "ctrl+p"):
            await stage.press(key)
            assert len(stage.app.screen_stack) == 2
            assert "\x1b" not in stage.text
            await stage.press("escape")

"""The doctor on the screen: each line as it is known, again at will, and cut off when it is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.keymap import actions_of
from mqi_tui.ui.screens.doctor import DoctorScreen
from mqi_tui.workflow.doctor import Check, Outcome
from mqi_tui.workflow.engine import Engine
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, View, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_snapshot
from tests.support.site import Site

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
CHECKS = [
    Check("config", Outcome.OK, "/data/config.yaml"),
    Check("clock", Outcome.WARNING, "it is 41 s ahead", "let both follow a time server"),
    Check("[/red]", Outcome.FAILED, "said [bold]\x1b[2J", "do [/this]"),
    Check("gres", Outcome.SKIPPED, "not looked at: it needs [/red]"),
]


@pytest.fixture
def engine() -> ScriptedEngine:
    engine = ScriptedEngine(a_snapshot())
    engine.checks = CHECKS
    return engine


def shown(view: View) -> list[str]:
    return [str(line.render()) for line in view.app.screen.query(".check")]


async def open_doctor(stage: Stage) -> None:
    await stage.press("f2")
    await stage.until(lambda: len(shown(stage)) == len(CHECKS))


@SIZES
async def test_each_thing_has_glyph_word_sentence_and_remedy(size: tuple[int, int], engine: ScriptedEngine) -> None:
    async with on_stage(engine, size) as stage:
        await open_doctor(stage)
        await stage.until(lambda: "4 checks: 1 ok, 1 warning, 1 failed, 1 skipped · at" in stage.text)
        for text in (
            "✓ ok      config: /data/config.yaml",
            "! warning clock: it is 41 s ahead",
            "  → let both follow a time server",
            "✗ failed  [/red]: said [bold]�[2J",
            "  → do [/this]",
            "- skipped gres: not looked at: it needs [/red]",
        ):
            assert any(line.startswith(f" {text}") for line in stage.lines), text
        title = next(number for number, line in enumerate(stage.lines) if line.startswith("━Doctor"))
        assert "config" in stage.lines[title + 1], "what is short begins at the top"


async def test_a_line_is_there_as_soon_as_it_is_known(engine: ScriptedEngine) -> None:
    engine.checks_gate = asyncio.Event()
    async with on_stage(engine, SMALL) as stage:
        await open_doctor(stage)
        await stage.until(lambda: "so far · looking at the next" in stage.text)
        assert engine.doctors == [1, 0]
        engine.checks_gate.set()
        await stage.until(lambda: " UTC" in stage.lines[-2])
        assert engine.doctors == [1, 1]


@pytest.mark.parametrize("keys", [("escape",), ("ctrl+q", "y")])
async def test_leaving_cuts_off_what_is_not_known_yet(keys: tuple[str, ...], engine: ScriptedEngine) -> None:
    engine.checks_gate = asyncio.Event()
    async with on_stage(engine) as stage:
        await open_doctor(stage)
        await stage.press(*keys)
        await stage.until(lambda: engine.doctors == [1, 1])


async def test_again_begins_anew_and_lets_go_of_what_was_under_way(engine: ScriptedEngine) -> None:
    engine.checks_gate = asyncio.Event()
    async with on_stage(engine) as stage:
        await open_doctor(stage)
        engine.checks = CHECKS[:1]
        await stage.press("r")
        await stage.until(lambda: shown(stage) == ["✓ ok      config: /data/config.yaml"])
        assert engine.doctors == [2, 1]


async def test_a_defect_in_a_check_is_told_and_ends_nothing(engine: ScriptedEngine) -> None:
    async def defective() -> AsyncIterator[Check]:
        yield CHECKS[0]
        raise ValueError("[/x]")

    engine.check_up = defective  # type: ignore[method-assign]
    async with on_stage(engine) as stage:
        await stage.press("f2")
        await stage.until(lambda: "2 checks: 1 ok, 1 failed · at" in stage.text)
        assert "✗ failed  doctor: a defect in mqi-tui (ValueError: [/x])" in stage.text
        assert stage.app.is_running


async def test_a_long_list_follows_its_end_until_the_reader_scrolls_up(engine: ScriptedEngine) -> None:
    grows, ends = asyncio.Event(), asyncio.Event()

    async def check_up() -> AsyncIterator[Check]:
        for number in range(60):
            # Few enough at first to be seen at once.
            if number == 5:
                await grows.wait()
            yield Check(f"thing {number}", Outcome.OK, "so it is")
        await ends.wait()
        yield Check("the last", Outcome.OK, "so it is")

    engine.check_up = check_up  # type: ignore[method-assign]
    async with on_stage(engine, SMALL) as stage:
        await stage.press("f2")
        await stage.until(lambda: "thing 4:" in stage.text)
        grows.set()
        await stage.until(lambda: "thing 59:" in stage.text)
        await stage.press("g")
        await stage.until(lambda: "thing 0:" in stage.text)
        ends.set()
        await stage.until(lambda: "61 checks: 61 ok · at" in stage.text)
        assert "thing 0:" in stage.text
        await stage.press("G")
        await stage.until(lambda: "the last" in stage.text)


async def test_the_help_explains_the_signs(engine: ScriptedEngine) -> None:
    async with on_stage(engine) as stage:
        await open_doctor(stage)
        await stage.press("question_mark")
        said = " ".join(stage.text.replace("│", " ").split())
        assert "Everything that a site has to get right" in said
        assert "Look at everything again" in said


async def test_a_real_engine_looks_at_its_site_while_it_works(site: Site) -> None:
    config = site.config
    async with Engine.open(config, has_audience=True) as engine:
        app = MqiApp(engine, config, actions_of(config))
        async with app.run_test(size=LARGE, notifications=True) as pilot:
            view = View(app, pilot)
            await view.press("f2")
            assert isinstance(app.screen, DoctorScreen)
            await view.until(lambda: " checks: " in view.text and "UTC" in view.lines[-2])
            lines = shown(view)
            assert [line for line in lines if line.startswith(("✗", "-"))] == []
            for name in ("config", "scan_directory", "interpreter", "HPC connection", "remote_root", "compute node"):
                assert any(f" {name}: " in line for line in lines), name

"""Questions of the connection on the screen: asked once, masked, declined by escape, gone when they are over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input

from mqi_tui.domain.questions import ACCEPTED, Question, QuestionKind
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.screens.ask import AskScreen
from tests.support.screens import MIDDLE, SMALL, Stage, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_case, a_snapshot

PASSWORD = Question(1, QuestionKind.SECRET, "Password of [hpc]", "physicist@hpc.example asks:\nPassword [/red]:")
HOST = Question(2, QuestionKind.HOST_KEY, "Unknown host hpc.example", "Is this its key?", "SHA256:abc[def]")


def asking(*questions: Question) -> EngineSnapshot:
    return replace(a_snapshot(a_case("alpha")), questions=questions)


def is_asked(stage: Stage) -> bool:
    return isinstance(stage.app.screen, AskScreen)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_password_is_typed_behind_a_mask_and_sent_by_enter(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(asking(PASSWORD))
    async with on_stage(engine, size) as stage:
        await stage.until(lambda: "Password [/red]:" in stage.text)
        assert "Password of [hpc]" in stage.text
        await stage.press(*"yn secret".replace(" ", ""))
        assert stage.app.screen.query_one(Input).value == "ynsecret"
        assert "secret" not in stage.text
        await stage.press("enter")
        await stage.until(lambda: engine.commands == [("answer", 1, "ynsecret")])
        assert not is_asked(stage)


@pytest.mark.parametrize(("key", "answer"), [("y", ACCEPTED), ("n", None), ("escape", None), ("enter", None)])
async def test_a_host_is_accepted_by_y_alone(key: str, answer: str | None) -> None:
    engine = ScriptedEngine(asking(HOST))
    async with on_stage(engine) as stage:
        await stage.until(lambda: "SHA256:abc[def]" in stage.text)
        await stage.press(key)
        await stage.until(lambda: engine.commands == [("answer", 2, answer)])


async def test_questions_come_one_after_the_other_and_none_twice() -> None:
    engine = ScriptedEngine(asking(PASSWORD, HOST))
    async with on_stage(engine) as stage:
        await stage.until(lambda: "Password of" in stage.text)
        await stage.press("escape")
        await stage.until(lambda: "Unknown host" in stage.text)
        engine.publish(asking(PASSWORD, HOST))
        await stage.press("y")
        await stage.until(lambda: engine.commands == [("answer", 1, None), ("answer", 2, ACCEPTED)])
        before = engine.published
        engine.publish(asking(PASSWORD, HOST))
        await stage.until(lambda: engine.published > before)
        assert not is_asked(stage)


async def test_a_question_that_is_over_leaves_the_screen_unanswered() -> None:
    engine = ScriptedEngine(asking(PASSWORD))
    async with on_stage(engine) as stage:
        await stage.until(lambda: is_asked(stage))
        engine.publish(asking())
        await stage.until(lambda: not is_asked(stage))
        assert engine.commands == []

"""Questions of the connection on the screen: asked once, masked, declined by escape, gone when they are over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.widgets import Input

from mqi_tui.domain.questions import ACCEPTED, Question, QuestionKind
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui import settling
from mqi_tui.ui.screens.ask import AskScreen
from tests.support.clock import Clock
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


# Keys that were meant for something else


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SEEN_SECONDS", 1.0)
    monkeypatch.setattr(settling, "QUIET_SECONDS", 0.5)


@asynccontextmanager
async def asked_at_work(question: Question) -> AsyncIterator[tuple[Stage, Clock, list[str | None]]]:
    """The question is on the screen just now; with its clock, and the answers that were given."""
    clock = Clock()
    answers: list[str | None] = []
    async with on_stage(ScriptedEngine(asking())) as stage:
        await stage.app.push_screen(AskScreen(question, clock), answers.append)
        await stage.until(lambda: question.title in stage.text)
        yield stage, clock, answers


async def look_at(stage: Stage, clock: Clock, now: float) -> None:
    """Wait until the question has looked at the clock at that time."""
    clock.now, before = now, clock.reads
    await stage.until(lambda: clock.reads > before + 1)


def takes_keys(stage: Stage) -> bool:
    return stage.app.screen.focused is not None


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("question", [HOST, PASSWORD], ids=["host key", "password"])
async def test_a_question_that_has_just_come_takes_no_key(question: Question) -> None:
    async with asked_at_work(question) as (stage, clock, answers):
        await look_at(stage, clock, 100.9)
        for key in ("y", "n", "enter", "tab", "enter", "escape", "space", "x", "enter"):
            await stage.press(key)
            assert is_asked(stage)
        assert "takes keys in a moment" in stage.text
        clock.now = 102.0
        await stage.until(lambda: takes_keys(stage))
        assert "takes keys in a moment" not in stage.text
        assert answers == []
        assert all(field.value == "" for field in stage.app.screen.query(Input))


@pytest.mark.usefixtures("unhurried")
async def test_keys_that_keep_coming_are_kept_from_it_until_they_pause() -> None:
    async with asked_at_work(HOST) as (stage, clock, answers):
        for now in (100.9, 101.3, 101.7):
            await look_at(stage, clock, now)
            await stage.press("y")
        await look_at(stage, clock, 102.1)
        assert (takes_keys(stage), answers) == (False, [])
        clock.now = 102.25
        await stage.until(lambda: takes_keys(stage))
        await stage.press("y")
        await stage.until(lambda: answers == [ACCEPTED])


@pytest.mark.usefixtures("unhurried")
async def test_a_key_right_after_it_came_makes_nobody_wait_longer() -> None:
    async with asked_at_work(PASSWORD) as (stage, clock, answers):
        await stage.press("y")
        clock.now = 101.05
        await stage.until(lambda: takes_keys(stage))
        await stage.press(*"geheim", "enter")
        await stage.until(lambda: answers == ["geheim"])


@pytest.mark.parametrize("question", [HOST, PASSWORD], ids=["host key", "password"])
@pytest.mark.parametrize("opened_by", ["slash", "ctrl+p"])
async def test_the_rest_of_a_word_typed_elsewhere_is_no_answer(
    question: Question, opened_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SEEN_SECONDS", 3600.0)
    engine = ScriptedEngine(asking())
    async with on_stage(engine) as stage:
        await stage.press(opened_by, *"ver")
        engine.publish(asking(question))
        await stage.until(lambda: is_asked(stage))
        await stage.press(*"ify", "enter", "escape")
        assert is_asked(stage)
        assert engine.commands == []


async def test_what_is_typed_into_a_question_that_is_over_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(asking(PASSWORD))
    async with on_stage(engine) as stage:
        await stage.until(lambda: is_asked(stage) and isinstance(stage.app.focused, Input))
        await stage.press(*"sec")
        clock = Clock()
        stage.app.screen._clock = clock  # type: ignore[attr-defined]
        monkeypatch.setattr(settling, "SEEN_SECONDS", 1.0)
        engine.publish(asking())
        await stage.until(lambda: "not asked any more" in stage.text)
        await stage.press(*"dcyq", "enter", "escape")
        assert is_asked(stage)
        clock.now += 1.0
        await stage.until(lambda: not is_asked(stage))
        assert engine.commands == []

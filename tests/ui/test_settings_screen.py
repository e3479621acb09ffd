"""The screen of the settings: every one with its value, where that is from and what it means, and a filter."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import Config, parse_config
from mqi_tui.config.meaning import meaning_of
from mqi_tui.ui.screens.settings import SettingDetails, SettingsScreen
from mqi_tui.ui.widgets.setting_list import SettingList
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_snapshot

TEXT = """\
scan_directory: /data/[red]cases[/red]
state_directory: /data/state
max_workers: 8
hpc:
  gpu_count: 4
engine:
  parameters: {"[@click=app.quit]x": y}
"""
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(Path("/data/config.yaml"), TEXT)


async def open_settings(stage: Stage, config: Config) -> SettingList:
    await stage.press("comma")
    assert isinstance(stage.app.screen, SettingsScreen)
    rows = stage.app.screen.query_one(SettingList)
    await stage.until(lambda: len(rows.rows) == len(list(config.effective())))
    return rows


def detail(stage: Stage) -> str:
    return stage.app.screen.query_one(SettingDetails).text


@SIZES
async def test_every_setting_is_there_with_its_value_and_where_it_is_from(
    size: tuple[int, int], config: Config
) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), size, config=config) as stage:
        rows = await open_settings(stage, config)
        assert [row.key for row in rows.rows] == [setting.name for setting in config.effective()]
        assert f"Settings · {len(rows.rows)} · 5 from /data/config.yaml" in stage.text
        head, *lines = stage.lines[1:8]
        workers = next(line for line in lines if "max_workers" in line)
        assert workers.index("8") == head.index("value")
        assert workers.index("line 3") == head.index("from")
        assert "default" in next(line for line in lines if "result_path" in line)
        assert ("meaning" in head) == (size == LARGE)


@SIZES
async def test_the_setting_under_the_cursor_is_told_whole(size: tuple[int, int], config: Config) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), size, config=config) as stage:
        rows = await open_settings(stage, config)
        for setting in config.effective():
            rows.move_to_key(setting.name)
            await stage.until(lambda: detail(stage).startswith(setting.name))  # noqa: B023  (awaited at once)
            assert setting.value in detail(stage)
            assert (setting.source if setting.line else "the default") in detail(stage)
            assert meaning_of(setting.key) in detail(stage)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("max_workers", {"max_workers"}),
        ("GPU_COUNT", {"hpc.gpu_count", "hpc.slurm.queue_ahead"}),
        ("config.yaml hpc", {"hpc.gpu_count"}),
        ("line:5", set()),
        ("shared by all beams", {"hpc.gpu_count"}),
        ('"logfork"', {"engine.profile"}),
        ("/data/config.yaml:3", {"max_workers"}),
    ],
)
async def test_words_of_name_value_place_and_meaning_find_a_setting(
    words: str, found: set[str], config: Config
) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=config) as stage:
        rows = await open_settings(stage, config)
        await stage.press("slash", *("space" if letter == " " else letter for letter in words), "enter")
        assert {row.key for row in rows.rows} == found
        assert rows.has_focus
        assert f"{len(found)} of {len(list(config.effective()))}" in stage.text
        if not found:
            assert "No setting holds these words." in stage.text


async def test_escape_clears_the_filter_then_leaves(config: Config) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=config) as stage:
        rows = await open_settings(stage, config)
        await stage.press("slash", *"gpu", "enter", "escape")
        assert len(rows.rows) == len(list(config.effective()))
        assert isinstance(stage.app.screen, SettingsScreen)
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.main)


async def test_escape_while_words_are_typed_clears_them(config: Config) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=config) as stage:
        rows = await open_settings(stage, config)
        await stage.press("slash", *"gpu", "escape")
        assert rows.has_focus
        assert len(rows.rows) == len(list(config.effective()))


async def test_what_the_config_says_is_shown_as_it_is_written(config: Config) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), LARGE, config=config) as stage:
        await open_settings(stage, config)
        assert '"/data/[red]cases[/red]"' in stage.text
        await stage.press("slash", *"click", "enter")
        assert "engine.parameters[@click=app.quit]x" in detail(stage)
        assert "engine.parameters[@click=app.quit]x" in stage.text


@pytest.mark.parametrize(("keys", "says"), [((), "Every setting as it was read"), (("tab",), "The setting that the")])
async def test_each_pane_has_its_help(keys: tuple[str, ...], says: str, config: Config) -> None:
    async with on_stage(ScriptedEngine(a_snapshot()), config=config) as stage:
        await open_settings(stage, config)
        await stage.press(*keys, "question_mark")
        assert says in " ".join(stage.text.replace("│", " ").split())

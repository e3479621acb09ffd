"""The set-up of a first start: what it asks, what it refuses at which field, and what it writes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from mqi_tui.config import Settings, load_config
from mqi_tui.config.places import with_absolute_paths
from mqi_tui.ui.setup.app import SetupApp
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.setup.form import FormScreen
from mqi_tui.ui.setup.place import PlaceScreen
from mqi_tui.ui.setup.write import WriteScreen
from tests.support.screens import MIDDLE, SMALL
from tests.support.set_up import SetUp, set_up

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE])
CLUSTER = {"hpc.ssh.host": "login", "hpc.remote_root": "/scratch/me"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site" / "config.yaml"


def one_word(text: object) -> str:
    """Wherever it was wrapped."""
    return "".join(str(text).split())


async def see_it(stage: SetUp) -> None:
    await stage.press("f3")
    await stage.until(lambda: isinstance(stage.app.screen, WriteScreen))


async def write_it(stage: SetUp) -> None:
    await see_it(stage)
    await stage.press("y")
    await stage.until(lambda: not stage.app.is_running)
    assert stage.app.return_value is True


# What is written


@SIZES
async def test_the_embedded_place_is_all_defaults_and_private(size: tuple[int, int], path: Path) -> None:
    async with set_up(path, size) as stage:
        assert one_word(path) in one_word(stage.text)
        await stage.press("enter")
        assert isinstance(stage.app.screen, FormScreen)
        assert "Test the connection" not in stage.text
        await write_it(stage)
    assert load_config(path).settings == with_absolute_paths(Settings(), path.parent)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [place.name for place in path.parent.iterdir()] == ["config.yaml"]


@SIZES
async def test_a_cluster_is_written_as_it_was_shown_and_only_what_differs(size: tuple[int, int], path: Path) -> None:
    typed = {
        **CLUSTER,
        "scan_directory": "/data/DOE [QA]: # 한글",
        "hpc.ssh.identity_files": "~/.ssh/id",
        "hpc.slurm.gres": "",
        "hpc.gpu_count": "2",
        "engine.command": "'/opt/my engine' --in {tps_file}",
    }
    async with set_up(path, size) as stage:
        await stage.choose(Place.SLURM)
        await stage.fill(typed)
        await see_it(stage)
        assert str(stage.app.screen.query_one("#question", Static).render()) == f"Write this to {path}?"
        assert "scan_directory: '/data/DOE [QA]: # 한글'" in stage.text
        await stage.press("y")
        await stage.until(lambda: not stage.app.is_running)
    config = load_config(path)
    hpc = config.settings.hpc
    assert (hpc.transport, hpc.scheduler, hpc.ssh.host, hpc.remote_root) == ("ssh", "slurm", "login", "/scratch/me")
    assert hpc.ssh.identity_files == (str(Path("~/.ssh/id").expanduser()),)
    assert (hpc.slurm.gres, hpc.gpu_count) == ("", 2)
    assert config.settings.engine.command == ("/opt/my engine", "--in", "{tps_file}")
    assert config.settings.scan_directory == Path("/data/DOE [QA]: # 한글")
    written = {setting.name for setting in config.effective() if setting.line}
    assert written == {*typed, "hpc.transport", "hpc.scheduler"}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.endswith(":") and not line.lstrip().startswith("#"):
            assert lines[number - 1].lstrip().startswith("# "), line
    assert max(map(len, lines)) <= 70


async def test_a_machine_without_a_batch_system_asks_nothing_about_slurm(path: Path) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.MACHINE)
        assert not [name for name in stage.rows if "slurm" in name]
        await stage.fill(CLUSTER)
        await write_it(stage)
    hpc = load_config(path).settings.hpc
    assert (hpc.transport, hpc.scheduler) == ("ssh", "direct")


# What is refused


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("hpc.gpu_count", "many", "found 'many', expected a whole number from 1 to 1024."),
        ("hpc.remote_root", "scratch", "found 'scratch', expected an absolute path on the HPC"),
        ("hpc.remote_root", "", "It is empty, and there is no default for it."),
        ("hpc.ssh.host", "", "It is empty, and there is no default for it."),
        ("hpc.ssh.port", "70000", "expected a whole number from 0 to 65535."),
        ("hpc.slurm.partition", "two words", "expected one word without blanks"),
        ("result_path", "cases/results", "expected a folder outside scan_directory"),
        ("engine.command", "'engine", 'found "\'engine", expected a command whose quotes are closed.'),
        ("engine.command", "{tps}", "expected only placeholders that are known here"),
    ],
)
async def test_a_bad_value_is_named_at_its_field_and_nothing_is_written(
    name: str, value: str, said: str, path: Path
) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.SLURM)
        await stage.fill(CLUSTER | {name: value})
        await stage.press("f3")
        row = stage.rows[name]
        await stage.until(lambda: row.input.has_focus and row.problem != "")
        assert said in row.problem
        assert [other for other, one in stage.rows.items() if one.problem] == [name]
        await stage.until(lambda: "✗ " in stage.text)
        assert isinstance(stage.app.screen, FormScreen)
        await stage.fill({name: {**CLUSTER, "hpc.gpu_count": "1", "hpc.ssh.port": "22"}.get(name, "right")})
        await see_it(stage)
    assert not path.exists()


async def test_what_is_wrong_with_no_single_field_is_said_too(path: Path) -> None:
    """Two fields that make a third setting wrong: results and work in one folder."""
    async with set_up(path) as stage:
        await stage.choose(Place.EMBEDDED)
        await stage.fill({"result_path": "state/work"})
        await stage.press("f3")
        await stage.until(lambda: "expected another folder than that of result_folder" in stage.text.replace("\n", ""))
        assert isinstance(stage.app.screen, FormScreen)


async def test_a_field_is_judged_when_it_is_left_and_not_before(path: Path) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.SLURM)
        assert "✗" not in stage.text
        stage.rows["hpc.ssh.host"].input.focus()
        await stage.press("x", "down", "down")
        assert stage.rows["hpc.ssh.port"].input.has_focus
        await stage.press(*"ten", "up")
        await stage.until(lambda: "found 'ten'" in stage.text)
        assert stage.rows["hpc.remote_root"].problem == ""


async def test_what_is_typed_is_shown_literally(path: Path) -> None:
    async with set_up(path, MIDDLE) as stage:
        await stage.choose(Place.EMBEDDED)
        stage.rows["scan_directory"].input.focus()
        await stage.fill({"scan_directory": "[@click=app.quit]x[/] $x"})
        assert "[@click=app.quit]x[/] $x" in stage.text
        await see_it(stage)
        assert "scan_directory: '[@click=app.quit]x[/] $x'" in stage.text


async def test_a_path_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "[red]x[/tmp]" / "config.yaml"
    async with set_up(path, (160, 40)) as stage:
        assert str(path) in stage.text
        await stage.choose(Place.EMBEDDED)
        await stage.until(lambda: str(path.parent) in stage.text)
        await write_it(stage)
    assert path.exists()


async def test_a_file_that_has_come_meanwhile_is_not_overwritten(path: Path) -> None:
    path.parent.mkdir()
    async with set_up(path) as stage:
        await stage.choose(Place.EMBEDDED)
        await see_it(stage)
        path.write_text("mine")
        await stage.press("y")
        await stage.until(lambda: "is there already; nothing was written." in stage.text.replace("\n", ""))
        assert stage.app.is_running
    assert path.read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]


# Leaving


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+q", "ctrl+c"])
async def test_leaving_writes_nothing(key: str, path: Path) -> None:
    async with set_up(path) as stage:
        await stage.press(key)
        await stage.until(lambda: not stage.app.is_running)
        assert not stage.app.return_value
    assert not path.parent.exists()


@pytest.mark.parametrize("key", ["n", "escape", "enter", "q", "f3"])
async def test_only_y_writes_and_what_was_typed_is_kept_on_the_way_back(key: str, path: Path) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.EMBEDDED)
        await stage.fill({"result_path": "doses"})
        await see_it(stage)
        await stage.press(key)
        if key == "f3":
            assert isinstance(stage.app.screen, WriteScreen)
            await stage.press("n")
        assert isinstance(stage.app.screen, FormScreen)
        await stage.press("escape")
        assert isinstance(stage.app.screen, PlaceScreen)
        await stage.choose(Place.SLURM)
        assert stage.rows["result_path"].input.value == "doses"
    assert not path.parent.exists()


# Keyboard and mouse


@SIZES
async def test_every_field_and_its_meaning_can_be_seen_by_keyboard_alone(size: tuple[int, int], path: Path) -> None:
    async with set_up(path, size) as stage:
        await stage.choose(Place.SLURM)
        for field in Place.SLURM.fields:
            row, meaning = stage.rows[field.name], field.meaning
            await stage.until(lambda: row.input.has_focus)  # noqa: B023
            await stage.until(lambda: meaning in " ".join(stage.text.split()))  # noqa: B023
            await stage.press("down")
        assert not isinstance(stage.app.screen.focused, Input)


@SIZES
async def test_all_can_be_done_by_mouse(size: tuple[int, int], path: Path) -> None:
    async with set_up(path, size) as stage:
        await stage.pilot.click("#places", offset=(4, 1))
        await stage.until(lambda: isinstance(stage.app.screen, FormScreen))
        await stage.click("#write")
        await stage.until(lambda: isinstance(stage.app.screen, WriteScreen))
        await stage.click("#yes")
        await stage.until(lambda: not stage.app.is_running)
    assert path.exists()


async def test_a_long_text_scrolls_and_the_answers_stay_in_sight(path: Path) -> None:
    async with set_up(path) as stage:
        await stage.choose(Place.SLURM)
        await stage.fill(CLUSTER | {"hpc.gpu_count": "3", "hpc.slurm.partition": "gpu", "hpc.slurm.account": "qa"})
        await see_it(stage)
        assert "partition: gpu" not in stage.text
        await stage.press(*["pagedown"] * 5)
        await stage.until(lambda: "partition: gpu" in stage.text)
        assert "Yes, write it (y)" in stage.text


async def test_without_colour_the_field_in_hand_and_a_problem_are_still_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with set_up(path) as stage:
        assert isinstance(stage.app, SetupApp)
        assert stage.app.no_color
        await stage.choose(Place.EMBEDDED)
        await stage.fill({"scan_directory": ""})
        await stage.press("f3")
        await stage.until(lambda: "✗ found ''" in stage.text)
        row = stage.rows["scan_directory"]
        assert row.query_one(".name").styles.text_style.underline

"""`run` and `demo`: the engine under the full-screen program, or without a screen."""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from mqi_tui.cli.arguments import Commands, count
from mqi_tui.cli.ending import ended_with_terminal
from mqi_tui.cli.headless import Headless
from mqi_tui.cli.places import write_config
from mqi_tui.config import Config, Settings, config_place, load_config
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.new_config import can_be_written

LOG_NAME = "mqi-tui.log"
_LOG_BYTES = 5 * 1024 * 1024


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "run",
        parents=[config],
        help="start the program (the default command)",
        description="Starts the full-screen program, or with --headless the engine alone, a line per event on stdout.",
    )
    parser.add_argument("--headless", action="store_true", help="without a screen, a line per event on stdout")
    parser.add_argument("--dispatch-all", action="store_true", help="dispatch every case as soon as it is complete")
    parser.add_argument(
        "--until-idle",
        action="store_true",
        help="with --headless: end when nothing is left to do (exit 0: all beams completed, 1: some did not)",
    )
    parser.set_defaults(command=run)
    parser = commands.add_parser(
        "demo",
        help="try the program on synthetic cases",
        description="Makes a folder with a config and synthetic cases (no patient data) and runs the program on it.",
    )
    parser.add_argument("--dir", type=Path, metavar="DIR", help="the folder (default: a new one, named on the screen)")
    parser.add_argument("--cases", type=count, metavar="N", default=3, help="how many cases to make (default: 3)")
    parser.add_argument("--headless", action="store_true", help="dispatch all without a screen, and end when idle")
    parser.set_defaults(command=demo)


async def run(options: argparse.Namespace) -> int:
    if options.until_idle and not options.headless:
        raise RequestRefusedError("--until-idle goes with --headless.")
    if not options.headless:
        await _offer_set_up(config_place(options.config))
    config = load_config(options.config)
    return await run_engine(
        config, headless=options.headless, dispatch_all=options.dispatch_all, until_idle=options.until_idle
    )


async def _offer_set_up(path: Path) -> None:
    """On a terminal, where a config could be but is none; whoever leaves it is told that there is none, as ever."""
    if not _streams_elsewhere() and can_be_written(path):
        # Imported late: most starts need no set-up.
        from mqi_tui.ui.setup.app import SetupApp  # noqa: PLC0415
        from mqi_tui.ui.theme import remembered_theme  # noqa: PLC0415

        # No config says yet where the state is; a person who starts over has it at its usual place.
        theme = await in_thread(remembered_theme, path.parent / Settings().state_directory)
        async with ended_with_terminal():
            await SetupApp(path, theme).run_async()


async def demo(options: argparse.Namespace) -> int:
    # Imported late: pydicom and the sample maker are of no use to the other commands.
    from mqi_tui.builtin.sample import make_cases  # noqa: PLC0415

    folder: Path = options.dir or Path(tempfile.mkdtemp(prefix="mqi-tui-demo-"))
    path = folder / "config.yaml"
    if path.exists():
        print(f"using the demo that is there: {folder}")
        config = load_config(path)
    else:
        config = load_config(write_config(folder))
        make_cases(config.settings.scan_directory, cases=options.cases, beams=None, layers=None, faulty=False, seed=1)
        print(f"{options.cases} synthetic cases in {config.settings.scan_directory}")
    return await run_engine(
        config, headless=options.headless, dispatch_all=options.headless, until_idle=options.headless
    )


async def run_engine(config: Config, *, headless: bool, dispatch_all: bool, until_idle: bool) -> int:
    """Open the engine and stay in it until it is idle, the screen is left, or for ever; returns the exit code."""
    if not headless:
        return await _run_screen(config, dispatch_all=dispatch_all)
    async with Engine.open(config, auto_dispatch=dispatch_all) as engine:
        _log_to_file(config)
        return await Headless(engine, dispatch_all=dispatch_all).run(until_idle=until_idle)


def _streams_elsewhere() -> str:
    """Which streams are no terminal: the screen is drawn on stderr, as large as stdout, and its keys are stdin."""
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    return ", ".join(name for name, stream in streams.items() if stream is None or not stream.isatty())


async def _run_screen(config: Config, *, dispatch_all: bool) -> int:
    # Imported late: a headless run needs no Textual.
    from mqi_tui.ui.keymap import actions_of  # noqa: PLC0415
    from mqi_tui.ui.running import run_screen  # noqa: PLC0415
    from mqi_tui.ui.theme import remembered_theme  # noqa: PLC0415

    actions = actions_of(config)
    # Before the engine, which would take up unfinished work.
    if elsewhere := _streams_elsewhere():
        raise RequestRefusedError(
            f"the full-screen program needs a terminal, but this is none: {elsewhere}; start it without "
            "redirections and pipes, or with --headless."
        )
    theme = await in_thread(remembered_theme, config.settings.state_directory)
    async with Engine.open(config, auto_dispatch=dispatch_all, has_audience=True) as engine:
        _log_to_file(config)
        async with ended_with_terminal():
            await run_screen(engine, config, actions, theme)
        return 0


def _log_to_file(config: Config) -> None:
    """The program's own log, for its defects: no patient data but ids, 0600, at most 2 x 5 MiB."""
    path = config.settings.state_directory / LOG_NAME
    path.touch(mode=0o600)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("mqi_tui")
    with suppress(IndexError):
        root.removeHandler(root.handlers[0])
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False

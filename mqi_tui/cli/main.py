"""Reads the command line, runs one command, and turns every expected error into one message and an exit code."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mqi_tui import __version__
from mqi_tui.cli import doctor, places, report, requests, run, status
from mqi_tui.cli.ending import until_asked_to_end
from mqi_tui.domain.errors import MqiError
from mqi_tui.domain.text import printable

USAGE_ERROR = 2

_DESCRIPTION = """\
Recomputes delivered proton-therapy beams with MOQUI on an HPC, each beam a worker of its own.
Without a command, the full-screen program starts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all is well, 1 some beams did not complete, 2 usage, config or a refused command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or log that knows fewer characters than names have is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments, argparse.Namespace(config=Path("config.yaml")))
    try:
        result = options.command(options)
        return int(asyncio.run(until_asked_to_end(result)) if asyncio.iscoroutine(result) else result)
    except MqiError as error:
        for line in str(error).splitlines():
            print(f"mqi-tui: {printable(line)}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Whoever read our output has enough (`mqi-tui status | head`); at the end Python would try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        with suppress(OSError):  # the terminal may be what is gone
            print("mqi-tui: interrupted; running jobs go on and are picked up at the next start", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="the configuration (default: config.yaml in this folder)",
    )
    parser = argparse.ArgumentParser(prog="mqi-tui", description=_DESCRIPTION, parents=[config])
    parser.add_argument("--version", action="version", version=f"mqi-tui {__version__}")
    # No default for --config: it would be the commands' too, and hide what was given before the command.
    parser.set_defaults(command=run.run, headless=False, dispatch_all=False, until_idle=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (run, places, requests, status, report, doctor):
        module.add_parsers(commands, config)
    return parser

"""`report`: all that is known of one case, as a page to keep or as JSON; also while another process runs the engine."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from mqi_tui.cli.arguments import Commands
from mqi_tui.config import load_config
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.text import printable
from mqi_tui.repositories.attempts import AttemptRepository
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.rows import storable

_STDOUT = "-"


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "report",
        parents=[config],
        help="write a report of a case: plan, beams, attempts, depth doses",
        description="Writes what is known of a case as one HTML file that needs no other: its plan's facts, its beams "
        "side by side, their attempts, errors and verified doses, and their depth-dose curves. It works while the "
        "program runs elsewhere, and replaces nothing but an earlier report.",
    )
    parser.add_argument("case", metavar="CASE_ID")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where to write it; - is stdout (default: {result_path}/CASE_ID/report.html, with --json stdout)",
    )
    parser.add_argument("--json", action="store_true", help="for programs (docs/report.md says what each key is)")
    parser.set_defaults(command=report)


async def report(options: argparse.Namespace) -> int:
    # Imported late: pydicom is of no use to the other commands.
    from mqi_tui.workflow.report import gather_report, report_bytes, write_report  # noqa: PLC0415

    config = load_config(options.config)
    settings = config.settings
    if not settings.database_path.exists():
        raise RequestRefusedError(f"there is no case {options.case}: the program has not run with {config.path} yet.")
    async with Database.open_read_only(settings.database_path) as database:
        found = await gather_report(
            storable(options.case), config, CaseRepository(database), AttemptRepository(database)
        )
    output = options.output or (_STDOUT if options.json else None)
    if output == _STDOUT:
        # Bytes: whatever the terminal's encoding is, a file that stdout leads to holds UTF-8.
        sys.stdout.buffer.write(report_bytes(found, as_json=options.json))
        sys.stdout.buffer.flush()
        return 0
    target = None if output is None else Path(output)
    written = await asyncio.to_thread(write_report, found, settings, target, as_json=options.json)
    print(printable(written.sentence))
    return 0

"""`doctor`: what a site has to get right, a line for each thing, with a remedy where one is needed."""

from __future__ import annotations

import argparse
import json
from collections import Counter

from mqi_tui.cli.arguments import Commands
from mqi_tui.domain.text import printable
from mqi_tui.workflow.doctor import Check, Outcome, check_up
from mqi_tui.workflow.doctor.checkup import CONFIG


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "doctor",
        parents=[config],
        help="check config, folders, programs, connection, scheduler and compute node",
        description="Looks at everything that a site has to get right, also while the program runs: a line for each "
        "thing, with a remedy. It writes a small file .mqi-tui-doctor into each folder, and has Slurm give it one GPU "
        "for a moment. Exit 0: all is well (there may be warnings), 1: something failed, 2: the config cannot be used.",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=doctor)


async def doctor(options: argparse.Namespace) -> int:
    checks: list[Check] = []
    async for check in check_up(options.config):
        checks.append(check)
        if not options.json:
            print(_line(check), flush=True)
    counts = Counter(check.outcome for check in checks)
    if options.json:
        print(json.dumps({"checks": [_as_json(check) for check in checks]}, ensure_ascii=False, indent=2))
    else:
        told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
        print(f"{len(checks)} checks: {told}")
    if any(check.name == CONFIG and check.outcome is Outcome.FAILED for check in checks):
        return 2
    return 1 if counts[Outcome.FAILED] else 0


def _line(check: Check) -> str:
    remedy = f" -> {check.remedy}" if check.remedy else ""
    return printable(f"{check.outcome.mark} {check.outcome.value:7} {check.name}: {check.sentence}{remedy}")


def _as_json(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "outcome": check.outcome.value,
        "sentence": check.sentence,
        "remedy": check.remedy,
    }

"""`dispatch`, `retry`, `cancel` and `priority`: given to the program that runs, or carried out here when none does."""

from __future__ import annotations

import argparse
import asyncio
import time

from mqi_tui.cli.arguments import Commands
from mqi_tui.cli.headless import Headless
from mqi_tui.config import Config, load_config
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.instance_lock import holder
from mqi_tui.repositories.requests import RequestRepository
from mqi_tui.repositories.rows import storable
from mqi_tui.workflow.engine import Engine
from mqi_tui.workflow.request_server import PRIORITY_STEP, perform

_ANSWER_SECONDS = 30.0
_ASK_SECONDS = 0.2

_WHEN_NONE_RUNS = (
    "If the program runs, it carries this out; otherwise this command does, with a line per event, "
    "and ends when nothing is left to do (exit 0: all is well, 1: some beams did not complete)."
)


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "dispatch",
        parents=[config],
        help="start the beams of a case",
        description=f"Starts a worker for each new beam of a case. {_WHEN_NONE_RUNS}",
    )
    parser.add_argument("target", metavar="CASE_ID")
    parser.add_argument("--beam", action="append", default=[], metavar="BEAM_ID", help="only this beam (repeatable)")
    parser.set_defaults(command=request, verb="dispatch")
    parser = commands.add_parser(
        "retry",
        parents=[config],
        help="take failed or cancelled beams on from where they stopped",
        description="Retries one beam, or all failed and cancelled beams of a case, from the state that failed. "
        + _WHEN_NONE_RUNS,
    )
    parser.add_argument("target", metavar="BEAM_ID|CASE_ID")
    parser.add_argument("--from-start", action="store_true", help="run the beam's whole way again")
    parser.set_defaults(command=request, verb="retry", beam=[])
    parser = commands.add_parser(
        "cancel",
        parents=[config],
        help="cancel a beam, or every beam of a case",
        description=f"Cancels work; a job on the HPC is ended, and its files stay. {_WHEN_NONE_RUNS}",
    )
    parser.add_argument("target", metavar="BEAM_ID|CASE_ID")
    parser.set_defaults(command=request, verb="cancel", beam=[])
    parser = commands.add_parser(
        "priority",
        parents=[config],
        help="let a beam that waits go before others, or after them",
        description="Changes the priority (-9 to 9) of a beam, or of every beam of a case that neither computes nor is "
        "over: of those that wait for a GPU slot or a turn, the highest priority goes first. A job that was handed to "
        "the HPC is not moved there.",
    )
    parser.add_argument("target", metavar="BEAM_ID|CASE_ID")
    parser.add_argument("step", type=_step, metavar="+N|-N", help="by how much: +1 is one step up, -1 one down")
    parser.set_defaults(command=request, verb="priority", beam=[])


def _step(text: str) -> int:
    if not PRIORITY_STEP.fullmatch(text):
        raise argparse.ArgumentTypeError(f"found {text}, expected +1, -1, or another number with its sign")
    return int(text)


async def request(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    # No case or beam has a name with bytes that are no UTF-8; so they are searched for by what is stored of such names.
    target, beams = storable(options.target), [storable(beam) for beam in options.beam]
    verb = _verb_of(options)
    if await asyncio.to_thread(holder, config.settings.lock_path) is not None:
        return await _ask_running_program(config, verb, target, beams)
    if options.verb in {"cancel", "priority"}:
        return await _carry_out_paused(config, verb, target)
    return await _carry_out_here(config, verb, target, tuple(beams))


def _verb_of(options: argparse.Namespace) -> str:
    match options.verb:
        case "retry" if options.from_start:
            return "rerun"
        case "priority":
            return f"priority {options.step:+d}"
        case verb:
            return str(verb)


async def _ask_running_program(config: Config, verb: str, target: str, beams: list[str]) -> int:
    async with Database.open(config.settings.database_path) as database:
        requests = RequestRepository(database)
        number = await requests.put(verb, target, beams)
        end = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < end:
            answered = await requests.get(number)
            if answered.accepted is not None:
                if not answered.accepted:
                    raise RequestRefusedError(answered.answer)
                print(answered.answer)
                return 0
            await asyncio.sleep(_ASK_SECONDS)
    print(f"the running program has not answered within {_ANSWER_SECONDS:g} s; the request waits for it")
    return 1


async def _carry_out_here(config: Config, verb: str, target: str, beams: tuple[str, ...]) -> int:
    async with Engine.open(config) as engine:
        headless = Headless(engine, dispatch_all=False)
        await engine.first_scan()
        if verb == "dispatch":
            await headless.until(lambda snapshot: not _may_become_a_case(snapshot, target))
        print(await perform(engine, verb, target, beams), flush=True)
        await headless.run(until_idle=True)
        return 0 if _is_done(engine.snapshot, target, beams) else 1


async def _carry_out_paused(config: Config, verb: str, target: str) -> int:
    # Paused, so that no beam goes on only because one is cancelled or moved.
    async with Engine.open(config, paused=True) as engine:
        print(await perform(engine, verb, target), flush=True)
        if verb == "cancel":
            await engine.refresh()
            await Headless(engine, dispatch_all=False).until(_nothing_is_cancelling)
    return 0


def _may_become_a_case(snapshot: EngineSnapshot, case_id: str) -> bool:
    return any(folder.path.name == case_id and folder.state is FolderState.SETTLING for folder in snapshot.folders)


def _is_done(snapshot: EngineSnapshot, target: str, beams: tuple[str, ...]) -> bool:
    """What was asked for is completed; other cases, and beams that were left new, do not count."""
    asked = [
        beam.status
        for case in snapshot.cases
        for beam in case.beams
        if target in {case.case_id, beam.beam_id} and (not beams or beam.beam_id in beams)
    ]
    return all(status in {BeamStatus.COMPLETED, BeamStatus.NEW} for status in asked)


def _nothing_is_cancelling(snapshot: EngineSnapshot) -> bool:
    return not any(beam.status is BeamStatus.CANCELLING for case in snapshot.cases for beam in case.beams)

"""`status`: what the database says, also while another process runs the engine."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from typing import Any

from mqi_tui.cli.arguments import Commands
from mqi_tui.config import load_config
from mqi_tui.domain.records import BeamRecord, FolderRecord, GpuRecord
from mqi_tui.domain.snapshot import CaseView
from mqi_tui.domain.text import printable
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.database import Database
from mqi_tui.repositories.gpus import GpuRepository
from mqi_tui.repositories.instance_lock import holder


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "status",
        parents=[config],
        help="print cases, beams and GPU slots",
        description="Prints cases, beams and GPU slots; it works while the program runs elsewhere.",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=status)


async def status(options: argparse.Namespace) -> int:
    settings = load_config(options.config).settings
    cases: list[CaseView] = []
    gpus: list[GpuRecord] = [GpuRecord(gpu_id, None) for gpu_id in range(settings.hpc.gpu_count)]
    folders: list[FolderRecord] = []
    if settings.database_path.exists():
        async with Database.open_read_only(settings.database_path) as database:
            repository = CaseRepository(database)
            beams: defaultdict[str, list[BeamRecord]] = defaultdict(list)
            for beam in await repository.list_beams():
                beams[beam.parent_case_id].append(beam)
            cases = [CaseView.of(case, tuple(beams[case.case_id])) for case in await repository.list_cases()]
            gpus = await GpuRepository(database).list_gpus() or gpus
            folders = await repository.list_folders()
    running = await asyncio.to_thread(holder, settings.lock_path)
    if options.json:
        print(json.dumps(_as_json(cases, gpus), ensure_ascii=False, indent=2))
    else:
        print_table(cases, gpus, folders)
        print(f"the program runs: {running}" if running else "the program does not run; jobs that run go on without it")
    return 0


def _as_json(cases: list[CaseView], gpus: list[GpuRecord]) -> dict[str, Any]:
    return {
        "cases": [
            {
                "case_id": case.case_id,
                "status": case.status.value,
                "path": str(case.record.case_path),
                "beams": [_beam_as_json(beam) for beam in case.beams],
            }
            for case in cases
        ],
        "gpus": [{"gpu_id": gpu.gpu_id, "beam_id": gpu.beam_id} for gpu in gpus],
    }


def _beam_as_json(beam: BeamRecord) -> dict[str, Any]:
    return {
        "beam_id": beam.beam_id,
        "beam_name": beam.beam_name,
        "status": beam.status.value,
        "progress": round(beam.progress, 4),
        "gpu_id": beam.gpu_id,
        "hpc_job_id": beam.hpc_job_id,
        "attempt": beam.attempt,
        "error": beam.error,
        "result_path": str(beam.result_path) if beam.result_path else None,
    }


def print_table(cases: list[CaseView], gpus: list[GpuRecord], folders: list[FolderRecord]) -> None:
    for case in cases:
        print(printable(f"{case.case_id}: {case.status.value}"))
        for warning in case.record.warnings:
            print(printable(f"  ! {warning}"))
        for beam in case.beams:
            place = f", GPU {beam.gpu_id}" if beam.gpu_id is not None else ""
            print(printable(f"  {beam.beam_name}  {beam.word:15} {beam.progress:4.0%}{place}"))
            if beam.error:
                print(printable(f"    {beam.error}"))
    for folder in folders:
        print(printable(f"{folder.path}: {folder.state.value}: {folder.reason}"))
    busy = sum(gpu.beam_id is not None for gpu in gpus)
    print(f"{len(cases)} cases, {sum(len(case.beams) for case in cases)} beams, {busy} of {len(gpus)} GPUs busy")

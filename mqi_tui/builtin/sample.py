"""Makes complete synthetic cases to try the program on; nothing in them comes from a patient."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from mqi_tui.builtin.sample_beams import MOST_LAYERS, Machine, SampleBeam, make_beam
from mqi_tui.builtin.sample_logs import log_name, write_beam_logs
from mqi_tui.builtin.sample_plan import SETUP_BEAM_NUMBER, SamplePlan, make_uid, write_plan
from mqi_tui.config import Settings
from mqi_tui.domain.errors import RequestRefusedError

MOST_CASES = 9999
MOST_BEAMS = 99

_FIRST_DAY = datetime(2001, 1, 1, 8, 0, 0, tzinfo=UTC)
_CUT_BYTES = 7
"""Less than a row of a log (16 bytes): what remains is no whole number of rows."""


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The case folders that were made, and the log that was cut short on purpose, if one was."""

    cases: tuple[Path, ...]
    faulty_log: Path | None


@dataclass(frozen=True, slots=True)
class _Size:
    beams: int | None
    layers: int | None


def make_cases(
    folder: Path, *, cases: int, beams: int | None, layers: int | None, faulty: bool, seed: int
) -> list[Path]:
    """The case folders of `make_sample_set`, made."""
    made = make_sample_set(folder, cases=cases, beams=beams, layers=layers, faulty=faulty, seed=seed)
    return list(made.cases)


def make_sample_set(
    folder: Path, *, cases: int, beams: int | None, layers: int | None, faulty: bool, seed: int
) -> SampleSet:
    """Write `cases` new case folders SAMPLE-0001, SAMPLE-0002, ... into `folder`, which is made if it is not there.

    Each has `beams` beams (None: 2 to 5) with `layers` layers each (None: 3 to 30); with `faulty`, one log of one
    beam is cut short. What is in a case follows from `seed`, its number, `beams` and `layers`. Nothing that is there is
    touched: a number that is taken is passed over. A case appears complete, by renaming.

    Raises RequestRefusedError for a number out of bounds and for a folder that cannot be written.
    """
    _check("cases", cases, 1, MOST_CASES)
    _check("beams", beams, 1, MOST_BEAMS)
    _check("layers", layers, 1, MOST_LAYERS)
    _check("seed", seed, 0, 2**63 - 1)
    fault_at = int(np.random.default_rng(seed).integers(cases)) if faulty else None
    made: list[Path] = []
    faulty_log: Path | None = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in range(cases):
            number, unfinished = _claim_number(folder)
            target = folder / _case_name(number)
            try:
                cut = _write_case(unfinished, number, seed, _Size(beams, layers), faulty=place == fault_at)
                unfinished.rename(target)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            made.append(target)
            faulty_log = target / cut if cut else faulty_log
    except OSError as error:
        raise RequestRefusedError(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    return SampleSet(tuple(made), faulty_log)


def _check(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise RequestRefusedError(f"{name}: found {value}, expected a whole number from {least} to {most}.")


def _case_name(number: int) -> str:
    return f"SAMPLE-{number:04d}"


def _claim_number(folder: Path) -> tuple[int, Path]:
    """The lowest case number that is free, and its new folder, under a name that no scan looks at."""
    for number in range(1, MOST_CASES + 1):
        target = folder / _case_name(number)
        unfinished = folder / f".{target.name}.extracting"
        with suppress(FileExistsError):
            # Claimed first, looked at then: no other maker can finish this number in between.
            unfinished.mkdir(mode=0o700)
            if not os.path.lexists(target):
                return number, unfinished
            unfinished.rmdir()
    raise RequestRefusedError(
        f"{folder} holds {MOST_CASES} sample cases, the most there can be; choose another folder."
    )


def _write_case(case: Path, number: int, seed: int, size: _Size, *, faulty: bool) -> Path | None:
    """Write the files of a case into its folder; returns the log that was cut short, relative to it."""
    choice = np.random.default_rng([seed, number])
    beams = _make_beams(number, size, choice)
    identity = (_case_name(number), seed, size.beams, size.layers)
    made_at = _FIRST_DAY + timedelta(days=number)
    plan = SamplePlan(
        patient_id=_case_name(number),
        label=f"QA {number}",
        made_at=made_at,
        study_uid=make_uid(*identity, "study"),
        plan_uid=make_uid(*identity, "plan"),
        beams=beams,
    )
    write_plan(plan, case)
    delivered_at = made_at
    folders: dict[int, Path] = {}
    for place in _delivery_order(number, len(beams)):
        delivered_at += timedelta(milliseconds=10 * int(choice.integers(6_000, 30_000)))
        folders[place] = write_beam_logs(plan, beams[place], delivered_at, case)
    cut: Path | None = None
    if faulty:
        place = int(choice.integers(len(beams)))
        layers = beams[place].layers
        log = folders[place] / log_name(plan, beams[place], layers[int(choice.integers(len(layers)))])
        os.truncate(log, log.stat().st_size - _CUT_BYTES)
        cut = log.relative_to(case)
    for path in case.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return cut


def _make_beams(number: int, size: _Size, choice: np.random.Generator) -> tuple[SampleBeam, ...]:
    machines = [Machine(name, settings) for name, settings in Settings().machines.items()]
    beams = size.beams or int(choice.integers(2, 6))
    return tuple(
        make_beam(
            number=SETUP_BEAM_NUMBER + field,
            field_number=field,
            machine=machines[(number - 1) % len(machines)],
            layers=size.layers or int(choice.integers(3, 31)),
            choice=choice,
        )
        for field in range(1, beams + 1)
    )


def _delivery_order(number: int, beams: int) -> Sequence[int]:
    """In every other case the last beam of the plan is delivered first, so that no order can stand for identity."""
    return range(beams)[::-1] if number % 2 else range(beams)

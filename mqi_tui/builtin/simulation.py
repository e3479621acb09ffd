"""The built-in mqi_simulation: the CSVs of one beam and `moqui_tps.in` -> one raw dose file, in a water phantom.

`python -m mqi_tui.builtin.simulation moqui_tps.in`. A stand-in for trials and tests; it is no clinical engine. It
computes an analytical pencil-beam dose and reads, prints and writes what a log-file fork does, with properties of its
own:

- The beam comes along z and enters at the high end of the phantom's z axis (`engine.beam_enters: high-z`).
- ParentDir/logFilePath holds one field folder, with the CSVs of one beam; each history is one proton.
- Keys that matter to a Monte Carlo alone (RandomSeed, TotalThreads, ParticlesPerHistory, ...) change nothing.

Whatever goes wrong ends it with an exit code other than 0, and the dose file appears whole or not at all.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from mqi_tui.builtin.pencil_beam import add_layer
from mqi_tui.domain.errors import InputError, MqiError
from mqi_tui.domain.text import printable
from mqi_tui.moqui.dose import check_dose
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.layer_csv import LayerCsv, read_layer_csv
from mqi_tui.moqui.tps_input import TpsInput

NOTICE = "mqi_tui.builtin.simulation: a stand-in for trials and tests; it is no clinical engine."

_ENERGIES_MEV = (10.0, 300.0)
"""Where the range-energy rule of the depth dose holds."""
_LONGEST_NAME = 200
_CHILD_INDEX = 1
"""Of the phantom in the forks' geometry; the air before it is child 0."""


@dataclass(frozen=True, slots=True)
class Run:
    """What `moqui_tps.in` and its CSVs ask for."""

    grid: DoseGrid
    layers: tuple[LayerCsv, ...]
    histories_per_batch: int
    """0 for all in one."""
    dose_file: Path

    @property
    def histories(self) -> int:
        return sum(int(layer.count.sum()) for layer in self.layers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 the dose file is written, 1 it is not (one sentence on stderr), 2 usage, 143 ended by SIGTERM."""
    print(NOTICE, flush=True)
    options = _parser().parse_args(arguments)
    # The dose is patient data; what this process writes is for its user alone.
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _end_on_signal)
    try:
        simulate(options.tps_file)
    except MqiError as error:
        return _failed(str(error))
    except OSError as error:
        where = error.filename or "the dose file"
        return _failed(f"Cannot write :{where}: {error.strerror}; check the folder, its rights and the disk.")
    return 0


def simulate(tps_file: Path) -> None:
    """Compute what the file asks for, with the lines of a log-file fork on stdout.

    Raises InputError for an input that cannot be used, OSError when the dose cannot be written.
    """
    start = time.perf_counter()
    tps = TpsInput.read(tps_file)
    run = _read_run(tps, tps_file)
    run.dose_file.parent.mkdir(exist_ok=True)
    _say(f"Total beamlets (Spots) : {sum(layer.count.size for layer in run.layers)}")
    _say(f"Total histories (Particles) : {run.histories}")
    with _new_dose_file(run.dose_file, run.grid) as dose:
        _transport(run, dose)
        _say("Simlulation finalizing..")
        check_dose(dose, run.dose_file)
    _say(f"Time taken by MC engine: {(time.perf_counter() - start) * 1000:.6e} milli-seconds")


def _read_run(tps: TpsInput, tps_file: Path) -> Run:
    _check_what_is_asked(tps, tps_file)
    log_folder = Path(f"{_required(tps, tps_file, 'ParentDir')}/{_required(tps, tps_file, 'logFilePath')}")
    output = Path(_required(tps, tps_file, "OutputDir"))
    _say(f"Reading GPU ID.. : Selected GPU ID --> {tps.get('GPUID') or 0}")
    _say(f"Setting output.. : Output directory name --> {output}")
    if output.exists() and not _is_true(tps.get("OverwriteResults")):
        raise InputError(f"{output}: Output directory exists. Set OverwriteResults to true, or give another OutputDir.")
    grid = tps.grid()
    _say(f"Creating child in world geometry.. : Phantom size -->\n(x, y, z) -> ({grid.nx}, {grid.ny}, {grid.nz})")
    field = _field_folder(log_folder)
    layers = tuple(_read_layers(field))
    run = Run(
        grid,
        layers,
        _histories_per_batch(tps, tps_file),
        output / f"{_file_name(field.name)}_{_CHILD_INDEX}_Dose.raw",
    )
    if run.histories == 0:
        raise InputError(f"{field}: the counts of all CSVs are 0, so there is no history to compute.")
    return run


def _check_what_is_asked(tps: TpsInput, tps_file: Path) -> None:
    """Raise InputError for what another engine may do, but this one does not."""
    for key, expected, is_met in (
        ("UsingPhantomGeo", "true", _is_true(tps.get("UsingPhantomGeo"))),
        ("TwoCentimeterMode", "false", not _is_true(tps.get("TwoCentimeterMode"))),
        ("Scorer", "Dose", _is(tps, "Scorer", "Dose", default="")),
        ("SimulationType", "perBeam", _is(tps, "SimulationType", "perBeam", default="perBeam")),
        ("OutputFormat", "raw", _is(tps, "OutputFormat", "raw", default="raw")),
        ("BeamNumbers", "1, for the CSVs are those of one beam", tps.get("BeamNumbers") in {None, "0", "1"}),
    ):
        if not is_met:
            value = tps.get(key)
            found = "is missing" if value is None else f"is {printable(value)!r}"
            raise InputError(f"{tps_file}: {key} {found}; the built-in engine needs {expected}.")


def _field_folder(folder: Path) -> Path:
    """The one folder in `folder`: the forks number the fields by their places there, and here is one beam alone."""
    fields = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(fields) != 1:
        raise InputError(
            f"{folder} holds {len(fields)} field folders, expected one with the CSVs of this beam; "
            "ParentDir and logFilePath together name the folder it lies in."
        )
    return fields[0]


def _read_layers(folder: Path) -> Iterator[LayerCsv]:
    paths = sorted(path for path in folder.glob("*.csv") if path.is_file())
    if not paths:
        raise InputError(
            f"{folder} holds no CSVs; the field folder in ParentDir/logFilePath shall hold those of the beam."
        )
    for path in paths:
        _say(f"Reading log file information in the field directory.. : {path}..")
        layer = read_layer_csv(path)
        if not _ENERGIES_MEV[0] <= layer.energy_mev <= _ENERGIES_MEV[1]:
            lowest, highest = _ENERGIES_MEV
            raise InputError(
                f"{path}: its energy is {layer.energy_mev:g} MeV; the built-in engine computes protons of "
                f"{lowest:g} to {highest:g} MeV."
            )
        yield layer


def _transport(run: Run, dose: NDArray[np.float64]) -> None:
    """Add up the dose of all layers, each in the batch in which its last history is."""
    per_batch = run.histories_per_batch or run.histories
    batches = math.ceil(run.histories / per_batch)
    if run.histories_per_batch:
        _say(f"Uploading particles with batch.. : Particle count --> {per_batch} with {batches} batches")
    else:
        _say(f"Uploading particles with no batch.. : Particle count --> {per_batch}")
    waiting = list(run.layers)
    complete = 0
    for batch in range(1, batches + 1):
        _say(f"Generating particles for ({batch} of {batches} batches) in CPU ..")
        _say("Particle generation complete!")
        _say("Transporting particles...")
        while waiting and complete + int(waiting[0].count.sum()) <= batch * per_batch:
            layer = waiting.pop(0)
            complete += int(layer.count.sum())
            add_layer(dose, run.grid, layer)
        _say("Particle transportation complete!")


@contextmanager
def _new_dose_file(path: Path, grid: DoseGrid) -> Iterator[NDArray[np.float64]]:
    """The dose (nz, ny, nx), all 0, in a file that gets its name when the block is left without an error."""
    # Hidden, and with another ending: nobody takes it for a result while it is none.
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                # A full disk is noticed here, as an error; in mapped memory it would be a crash.
                os.posix_fallocate(file.fileno(), 0, grid.raw_size)
            else:
                file.truncate(grid.raw_size)
        # Mapped, so that a phantom may be larger than the memory that is free.
        dose = np.memmap(part, dtype="<f8", mode="r+", shape=grid.shape)
        yield dose
        dose.flush()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _required(tps: TpsInput, tps_file: Path, key: str) -> str:
    value = tps.get(key)
    if value is None:
        raise InputError(f"{tps_file}: {key} is not provided; the engine needs a folder there.")
    return value


def _histories_per_batch(tps: TpsInput, tps_file: Path) -> int:
    value = tps.get("MaxHistoriesPerBatch") or "0"
    if not re.fullmatch("[0-9]{1,15}", value):
        raise InputError(
            f"{tps_file}: MaxHistoriesPerBatch is {printable(value)!r}, expected a whole number, 0 or above."
        )
    return int(value)


def _is_true(value: str | None) -> bool:
    """As the engine takes it: `true`, or a number that begins with another digit than 0."""
    return value is not None and (value.lower() == "true" or bool(re.match(r"[+-]?0*[1-9]", value)))


def _is(tps: TpsInput, key: str, expected: str, *, default: str) -> bool:
    return (tps.get(key) or default).lower() == expected.lower()


def _file_name(name: str) -> str:
    """A beam's name as a part of a file name that no shell pattern passes over."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST_NAME] or "beam"


def _say(line: str) -> None:
    # At once: whoever reads the log of a run wants to see how far it is.
    print(line, flush=True)


def _failed(sentence: str) -> int:
    print(f"mqi_tui.builtin.simulation: error: {printable(sentence)}", file=sys.stderr)
    return 1


def _end_on_signal(number: int, _: FrameType | None) -> None:
    # Raised wherever the program is, so that the unfinished dose file is removed on the way out.
    raise SystemExit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mqi_tui.builtin.simulation",
        description="Computes the dose of one beam in a water phantom. "
        "A stand-in for trials and tests; it is no clinical engine.",
    )
    parser.add_argument("tps_file", type=Path, metavar="moqui_tps.in", help="the run's input")
    return parser


if __name__ == "__main__":
    sys.exit(main())

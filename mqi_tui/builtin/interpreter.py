"""The built-in mqi_interpreter: PTN logs of one beam folder -> CSVs and `moqui_tps.in`.

`python -m mqi_tui.builtin.interpreter --help`. A stand-in for trials and tests; it is no clinical program.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mqi_tui.domain.engine_formats import CsvLayout
from mqi_tui.domain.errors import InputError, MqiError
from mqi_tui.domain.text import printable
from mqi_tui.moqui.beam_folder import PLAN_RANGE, BeamLogs, read_beam_logs
from mqi_tui.moqui.calibration import Calibration, monitor_range_factor, read_calibration
from mqi_tui.moqui.layer_csv import LayerCsv, check_layer_csvs, write_layer_csv
from mqi_tui.moqui.plan_range import LayerRange
from mqi_tui.moqui.ptn import read_ptn
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput

NOTICE = "mqi_tui.builtin.interpreter: a stand-in for trials and tests; it is no clinical program."
DEFAULT_DIVISOR = 10.0
"""Monitor counts (dose1 x monitor range factor) for one history."""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What was written: one CSV for each energy layer, and the histories in all of them."""

    beam_number: int
    """In the plan, as PlanInfo.txt says it."""
    layers: int
    histories: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all CSVs are written, 1 bad input (one sentence on stderr, nothing written), 2 usage."""
    print(NOTICE, flush=True)
    options = _parser().parse_args(arguments)
    # Logs are patient data; what this process writes is for its user alone.
    os.umask(0o077)
    try:
        done = interpret(
            options.logdir,
            options.calibration,
            options.outputdir,
            plan_file=options.plan,
            layout=CsvLayout(options.csv_layout),
            divisor=options.divisor,
        )
    except MqiError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or options.outputdir
        print(printable(f"{where}: {error.strerror}; check that it exists, its rights and the disk."), file=sys.stderr)
        return 1
    print(f"Plan beam {done.beam_number}: {done.layers} layers, {done.histories} histories.")
    return 0


def interpret(
    log_folder: Path,
    calibration_file: Path,
    output: Path,
    *,
    plan_file: Path | None = None,
    layout: CsvLayout,
    divisor: float = DEFAULT_DIVISOR,
) -> Interpretation:
    """Turn the logs of one beam folder into CSVs and `moqui_tps.in` in `output`, which is made if it is not there.

    Everything is read, computed and checked before the first file appears in `output`. The logs say all that the CSVs
    hold; a plan that is given must be theirs.

    Raises InputError when a file is missing or damaged, when logs and plan do not belong together, or when `output`
    holds the files of an earlier run; OSError when something cannot be read or written.
    """
    calibration = read_calibration(calibration_file)
    logs = read_beam_logs(log_folder)
    if plan_file is not None:
        _check_plan(logs, plan_file)
    csvs = [layer_csv(layer, logs.path / layer.ptn_name, calibration, divisor) for layer in logs.layers]
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_earlier_files(output)
    with tempfile.TemporaryDirectory(prefix=".interpreter-", dir=output) as name:
        staging = Path(name)
        written = {write_layer_csv(staging, csv, layout): csv for csv in csvs}
        histories = check_layer_csvs(staging, written, logs.layers)
        (staging / TPS_NAME).write_text(_tps_input(logs.info.beam_number).render(), encoding="utf-8")
        for path in [*written, staging / TPS_NAME]:
            path.rename(output / path.name)
    return Interpretation(logs.info.beam_number, len(written), histories)


def layer_csv(layer: LayerRange, path: Path, calibration: Calibration, divisor: float) -> LayerCsv:
    """The rows of a layer's log (the file `path`) in which a history starts, in ms and mm.

    Raises InputError for a damaged log, a log without dose, and a DOSE1_RANGE without a factor.
    """
    log = read_ptn(path)
    try:
        factor = monitor_range_factor(layer.dose1_range)
    except InputError as error:
        raise InputError(f"{path.parent / PLAN_RANGE}: layer {layer.layer_no}: {error}") from None
    count = history_counts(log.dose1, factor / divisor)
    row = np.flatnonzero(count)
    if not row.size:
        raise InputError(
            f"{path}: the log holds no history: dose1 sums up to {log.dose1.sum(dtype=np.int64)} in {log.dose1.size} "
            "rows; copy it again from the treatment machine."
        )
    return LayerCsv(
        layer=layer.layer_no,
        energy_mev=layer.energy_mev,
        time_ms=row.astype(np.float64) * calibration.time_gain_ms,
        x_mm=(log.x[row].astype(np.float64) - calibration.x_offset) * calibration.x_gain_mm,
        y_mm=(log.y[row].astype(np.float64) - calibration.y_offset) * calibration.y_gain_mm,
        count=count[row],
    )


def history_counts(dose1: NDArray[np.uint16], histories_per_count: float) -> NDArray[np.int64]:
    """Whole histories for each row of a log: what its rounding leaves over is carried to the next row.

    So the histories of a layer, and of every beginning of it, are those of its doses to within half a history. Each
    row rounded for itself would lose all rows below half a history: in a layer of low dose, a large part of it. A row
    is at most one history off, and a row without dose never gets one.
    """
    dose_so_far = np.cumsum(dose1, dtype=np.int64)
    histories_so_far: NDArray[np.int64] = np.floor(dose_so_far * histories_per_count + 0.5).astype(np.int64)
    count: NDArray[np.int64] = np.diff(histories_so_far, prepend=np.int64(0))
    return count


def _check_plan(logs: BeamLogs, plan_file: Path) -> None:
    # What reads plans takes longer to import than the logs of a beam to interpret.
    from mqi_tui.moqui.plan_match import plan_beam_of  # noqa: PLC0415
    from mqi_tui.moqui.rtplan import read_plan  # noqa: PLC0415

    plan_beam_of(logs, read_plan(plan_file))


def _refuse_earlier_files(output: Path) -> None:
    earlier = sorted([*output.glob("*.csv"), *output.glob(TPS_NAME)])
    if earlier:
        raise InputError(f"{earlier[0]} is there already, from an earlier run; give another --outputdir, or remove it.")


def _tps_input(beam_number: int) -> TpsInput:
    """The keys that follow from these CSVs alone; place, machine and physics are the config's to say."""
    comment = f"# Logs of plan beam {beam_number}, written by mqi_tui.builtin.interpreter (no clinical program).\n"
    # The engine counts the beams whose logs it finds, and these are the logs of one.
    return TpsInput.parse(comment, TPS_NAME).with_values({"BeamNumbers": "1"})


def _divisor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mqi_tui.builtin.interpreter",
        description="Turns the logs of one delivered beam into one CSV for each energy layer and a moqui_tps.in. "
        "A stand-in for trials and tests; it is no clinical program.",
    )
    parser.add_argument("--logdir", type=Path, required=True, metavar="DIR", help="the beam folder with the logs")
    parser.add_argument(
        "--plan", type=Path, metavar="FILE", help="check that the logs are those of a beam of this plan (DICOM RTPLAN)"
    )
    parser.add_argument("--calibration", type=Path, required=True, metavar="FILE", help="the machine's scv_init file")
    parser.add_argument(
        "--outputdir", type=Path, required=True, metavar="DIR", help="a folder without CSVs, or a new one"
    )
    parser.add_argument(
        "--csv-layout",
        choices=[layout.value for layout in CsvLayout],
        default=CsvLayout.TRAILING_COMMA.value,
        help="how the rows of a CSV end (default: trailing-comma)",
    )
    parser.add_argument(
        "--divisor",
        type=_divisor,
        default=DEFAULT_DIVISOR,
        metavar="N",
        help="monitor counts for one history (default: 10)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""A beam's files on this machine, looked at: sizes, checksums, parameters, layers. Blocking: call it in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mqi_tui.config import EngineSettings
from mqi_tui.domain.errors import InputError, MqiError
from mqi_tui.domain.records import AttemptRecord, BeamRecord
from mqi_tui.hpc.local_files import sha256_of
from mqi_tui.moqui.layer_csv import MAX_CSV_BYTES, read_layer_csv
from mqi_tui.moqui.text_files import unreadable
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput
from mqi_tui.workflow.context import WorkflowContext
from mqi_tui.workflow.file_cache import FileCache, stamp_of
from mqi_tui.workflow.inspection import (
    BeamFiles,
    Checksum,
    LayerFacts,
    LocalFile,
    Parameter,
    Parameters,
    PreparedInput,
)
from mqi_tui.workflow.states.postprocessing import refused_name
from mqi_tui.workflow.stored_summary import summary_of

_MOST_FILES = 1000
"""A site's own command may put anything into the result folder."""


def files_of(
    beam: BeamRecord, attempts: Sequence[AttemptRecord], context: WorkflowContext, cache: FileCache
) -> BeamFiles:
    input_folder, result_folder = context.input_folder(beam), context.result_folder(beam)
    raw_file = result_folder / context.settings.engine.raw_name
    raw_files = {raw_file, refused_name(raw_file)}
    return BeamFiles(
        input_folder=input_folder,
        inputs=tuple(_look_at(path, (), cache) for path in _files_in(input_folder)),
        result_folder=result_folder,
        results=tuple(
            _look_at(path, attempts if path in raw_files else (), cache) for path in _files_in(result_folder)
        ),
        remote_folder=str(context.settings.remote_folder_of(beam.parent_case_id, beam.beam_id)),
        attempts=tuple(attempts),
    )


def prepared_input(folder: Path, engine: EngineSettings, cache: FileCache) -> PreparedInput:
    troubles: list[str] = []
    parameters = None
    layers: list[LayerFacts] = []
    for path in _files_in(folder):
        try:
            if path.name == TPS_NAME:
                parameters = parameters_of(TpsInput.read(path), engine, None)
            elif path.suffix == ".csv" and (stamp := stamp_of(path)) is not None:
                layers.append(cache.get(path, "layer", stamp, partial(_layer, path)))
        except MqiError as error:
            troubles.append(str(error))
    return PreparedInput(parameters, tuple(layers), "\n".join(troubles))


def parameters_of(tps: TpsInput, engine: EngineSettings, attempt: int | None) -> Parameters:
    """The keys in the order of the file, those that are set for each job marked."""
    ours = {key.lower() for key in engine.run_parameters}
    return Parameters(tuple(Parameter(key, value, key.lower() in ours) for key, value in tps.items()), attempt)


def _layer(path: Path) -> LayerFacts:
    csv = read_layer_csv(path)
    return LayerFacts(
        name=path.name,
        layer=csv.layer,
        energy_mev=csv.energy_mev,
        spots=len(csv.count),
        histories=int(csv.count.sum()),
        duration_ms=float(csv.time_ms.max() - csv.time_ms.min()),
        x_mm=(float(csv.x_mm.min()), float(csv.x_mm.max())),
        y_mm=(float(csv.y_mm.min()), float(csv.y_mm.max())),
    )


def _look_at(path: Path, attempts: Sequence[AttemptRecord], cache: FileCache) -> LocalFile:
    """`attempts`: of a dose file, those that may have computed it."""
    try:
        status = path.stat()
        digest, checksum, attempt = "", Checksum.NONE, None
        if status.st_size <= MAX_CSV_BYTES:
            stamp = status.st_mtime_ns, status.st_size
            digest, checksum = cache.get(path, "sha256", stamp, lambda: sha256_of(path)), Checksum.COMPUTED
            attempt = next((each.attempt for each in reversed(attempts) if each.raw_sha256 == digest), None)
            if attempt is not None:
                checksum = Checksum.PROVEN
        elif attempts and (checked := _checked_attempt(path)) is not None:
            recorded = next((each.raw_sha256 for each in attempts if each.attempt == checked), None)
            if recorded is not None:
                digest, checksum, attempt = recorded, Checksum.RECORDED, checked
    except OSError as error:
        raise unreadable(path, error) from None
    changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return LocalFile(path, status.st_size, changed_at, digest, checksum, attempt)


def _checked_attempt(raw_file: Path) -> int | None:
    """The attempt that computed the file, where the summary of its check says so."""
    summary = summary_of(raw_file)
    return None if summary is None else summary.attempt


def _files_in(folder: Path) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from None
    if len(paths) > _MOST_FILES:
        raise InputError(f"{folder} holds {len(paths)} files, more than are shown here.")
    return sorted(paths)

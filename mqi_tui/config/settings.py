"""The settings, one sentence a field; the default config says the same to its reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator

from mqi_tui.config.hpc_settings import HpcSettings
from mqi_tui.config.section import Section
from mqi_tui.config.templates import (
    InterpreterWord,
    ParameterWord,
    PostprocessingWord,
    ResultFolderTemplate,
    RunWord,
    WorkFolderTemplate,
    fill,
)
from mqi_tui.config.values import (
    NAMES_A_PROGRAM,
    NAMES_A_PROGRAM_OR_NONE,
    NOT_EMPTY,
    FileName,
    FilePattern,
    FrozenMapping,
    LanguageSetting,
    Line,
    LocalPath,
    Number,
    PositiveNumber,
    RelativePattern,
    Seconds,
    SecondsOrNone,
    Switch,
    whole_number,
)
from mqi_tui.domain.engine_formats import CsvLayout, EngineProfile

VoxelCount = Annotated[int, whole_number(1, 100_000)]
T = TypeVar("T")
Frozen = Annotated[Mapping[str, T], AfterValidator(FrozenMapping)]


class ScanSettings(Section):
    """How case folders are found."""

    interval_seconds: Seconds = 3.0
    """Pause between two looks at the folders."""
    quiet_period_seconds: SecondsOrNone = 10.0
    """How long nothing in a folder may change before it counts as complete."""
    ready_marker: FileName = "_CASE_READY"
    """Name of the file that says that a folder is complete, in it or in its parent below `scan_directory`.

    For a case that is known, and in the parent, it counts when nothing has changed from one look to the next: it may
    speak of an earlier delivery.
    """
    max_depth: Annotated[int, whole_number(1, 10)] = 3
    """How deep below `scan_directory` case folders may lie; 1 is directly in it."""
    plan_pattern: FilePattern = "RP*.dcm"
    """Which file in a case folder is its plan (DICOM RTPLAN)."""
    ignore: tuple[str, ...] = (".*", "*.extracting", "*.zip.tmp", "*.backup.*", "extract_*.tmp")
    """Name patterns of folders that are never looked at."""
    auto_dispatch: Switch = False
    """Whether every case is dispatched as soon as it is complete, without a person."""


class MachineSettings(Section):
    """Calibration of one treatment machine (its "scv_init" file): position in mm = (raw - offset) * gain."""

    gantry: Annotated[int, whole_number(1, 99)]
    """Number of the gantry, as the engine's GantryNum wants it."""
    time_gain_ms: PositiveNumber
    """Milliseconds from one row of a log to the next."""
    x_offset: Number
    """Raw x of the position 0 mm."""
    y_offset: Number
    """Raw y of the position 0 mm."""
    x_gain_mm: PositiveNumber
    """Millimetres for one raw unit of x."""
    y_gain_mm: PositiveNumber
    """Millimetres for one raw unit of y."""


class InterpreterSettings(Section):
    """mqi_interpreter: the site's program that turns a beam's logs into CSVs."""

    command: Annotated[tuple[InterpreterWord, ...], NAMES_A_PROGRAM] = (
        "{python}",
        "-m",
        "mqi_tui.builtin.interpreter",
        "--logdir",
        "{log_dir}",
        "--calibration",
        "{calibration}",
        "--outputdir",
        "{output_dir}",
        "--csv-layout",
        "{csv_layout}",
    )
    """The program and its arguments, started without a shell."""
    timeout_seconds: Seconds = 600.0
    """After this time it is ended and the beam fails."""
    csv_pattern: RelativePattern = "*.csv"
    """Where its CSVs are, relative to `{output_dir}`; `**` matches folders."""
    csv_layout: CsvLayout = CsvLayout.TRAILING_COMMA
    """How the CSVs are written for the engine."""


class DoseGridSettings(Section):
    """The voxels of the dose, each list for x, y and z."""

    voxels: tuple[VoxelCount, VoxelCount, VoxelCount]
    """How many there are."""
    voxel_mm: tuple[PositiveNumber, PositiveNumber, PositiveNumber]
    """Their size in mm."""
    lower_edges_mm: tuple[Number, Number, Number]
    """Where the grid begins, in mm."""


_PARAMETERS: Mapping[str, str] = {
    "RandomSeed": "-1932780356",
    "MaxHistoriesPerBatch": "20000",
    "SimulationType": "perBeam",
    "Scorer": "Dose",
    "OutputFormat": "raw",
    "OverwriteResults": "true",
    "BeamNumbers": "1",
    "GantryNum": "{gantry}",
    "UsingPhantomGeo": "true",
    "TwoCentimeterMode": "false",
    "PhantomDimX": "60",
    "PhantomDimY": "60",
    "PhantomDimZ": "175",
    "PhantomUnitX": "2",
    "PhantomUnitY": "2",
    "PhantomUnitZ": "2",
    "PhantomPositionX": "-60",
    "PhantomPositionY": "-60",
    "PhantomPositionZ": "-330",
}
_RUN_PARAMETERS: Mapping[str, str] = {
    "GPUID": "{gpu_id}",
    "ParentDir": "{run_dir}",
    "logFilePath": "logs",
    "OutputDir": "{run_dir}",
}


class EngineSettings(Section):
    """mqi_simulation: the dose engine on the HPC and its `moqui_tps.in`."""

    profile: EngineProfile = EngineProfile.LOGFORK
    """Which build of the engine it is."""
    command: Annotated[tuple[RunWord, ...], NAMES_A_PROGRAM] = (
        "{python}",
        "-m",
        "mqi_tui.builtin.simulation",
        "{tps_file}",
    )
    """The program and its arguments in the job."""
    setup_lines: tuple[RunWord, ...] = (
        "mkdir -p logs/{beam_name} && cp -- {beam_dir}/*.csv logs/{beam_name}/ || exit 1",
    )
    """Shell lines before the command in the job, in its run folder; placeholders are quoted for the shell."""
    raw_pattern: RelativePattern = "*.raw"
    """Which file in `{run_dir}` is the dose; exactly one may match."""
    raw_name: FileName = "output.raw"
    """The name of the dose file in the result folder."""
    beam_enters: Literal["high-z", "low-z"] = "high-z"
    """The end of the dose grid's z axis at which the beam enters."""
    parameters: Frozen[ParameterWord] = _PARAMETERS
    """Keys of `moqui_tps.in` that the interpreter does not write itself."""
    run_parameters: Frozen[RunWord] = _RUN_PARAMETERS
    """Keys of `moqui_tps.in` that depend on place and attempt; they replace what the interpreter wrote."""
    dose_grid: DoseGridSettings | None = None
    """The grid of the raw dose file, where the Phantom keys of `moqui_tps.in` do not say it; empty if they do."""


class PostprocessingSettings(Section):
    """The site's own command after the dose is checked (for example raw -> DICOM)."""

    command: Annotated[tuple[PostprocessingWord, ...], NAMES_A_PROGRAM_OR_NONE] = ()
    """The program and its arguments, started without a shell; empty for none."""
    timeout_seconds: Seconds = 600.0
    """After this time it is ended and the beam fails."""


class RetrySettings(Section):
    """How the program itself tries again."""

    first_pause_seconds: Seconds = 1.0
    """The first pause while something is unreachable; each further one is longer."""
    longest_pause_seconds: Seconds = 60.0
    """The pauses grow up to this one."""
    lost_job_attempts: Annotated[int, whole_number(1, 20)] = 3
    """Attempts in all when jobs vanish without an exit record; then the beam fails."""


_MACHINES: Mapping[str, MachineSettings] = {
    "G1": MachineSettings(
        gantry=1, time_gain_ms=0.0600745, x_offset=16384, y_offset=16384, x_gain_mm=0.010959, y_gain_mm=0.0116412
    ),
    "G2": MachineSettings(
        gantry=2, time_gain_ms=0.06, x_offset=24580, y_offset=32772, x_gain_mm=0.0072600, y_gain_mm=0.0071411
    ),
}


class Settings(Section):
    """The whole configuration; every path in it is absolute once it is loaded."""

    scan_directory: LocalPath = Path("cases")
    """Where case folders appear."""
    result_path: LocalPath = Path("results")
    """Where dose files come home."""
    state_directory: LocalPath = Path("state")
    """Where the database, the lock and the working files are; on a local disk."""
    work_folder: WorkFolderTemplate = "{work_directory}/{case_id}/{beam_id}"
    """A beam's local working folder; `{work_directory}` is the folder `work` in `state_directory`."""
    result_folder: ResultFolderTemplate = "{result_path}/{case_id}/{beam_id}"
    """The folder of a beam's results."""
    max_workers: Annotated[int, whole_number(1, 64)] = 4
    """Beams in work on this machine at once (checking, preprocessing, postprocessing), and as many in transfer."""
    max_beams_per_case: Annotated[int, whole_number(1, 10_000)] = 5
    """More beams in a case are shown as a warning."""
    max_csv_per_beam: Annotated[int, whole_number(1, 10_000)] = 50
    """More energy layers in a beam are shown as a warning."""
    scan: ScanSettings = ScanSettings()
    machines: Annotated[Frozen[MachineSettings], NOT_EMPTY] = _MACHINES
    """Calibration by machine; the one whose name is part of the plan's TreatmentMachineName is used."""
    interpreter: InterpreterSettings = InterpreterSettings()
    engine: EngineSettings = EngineSettings()
    hpc: HpcSettings = HpcSettings()
    postprocessing: PostprocessingSettings = PostprocessingSettings()
    retry: RetrySettings = RetrySettings()
    language: LanguageSetting = "auto"
    """Language of the screens; `auto` is that of the locale (LC_ALL, LC_MESSAGES, LANG), and English for all others."""
    keys: Frozen[tuple[Line, ...]] = {}  # noqa: RUF012 - it is frozen when it is validated
    """Keys of the screen by the name of what they do, instead of the default ones; the screen checks them."""

    @property
    def database_path(self) -> Path:
        return self.state_directory / "mqi-tui.db"

    @property
    def lock_path(self) -> Path:
        return self.state_directory / "mqi-tui.lock"

    def work_folder_of(self, case_id: str, beam_id: str, beam_path: Path) -> Path:
        """The local folder of a beam: its CSVs and `moqui_tps.in` (in `input/`), and the staging of its interpreter."""
        values = _beam_values(case_id, beam_id) | {
            "work_directory": self.state_directory / "work",
            "beam_path": beam_path,
        }
        return Path(fill(self.work_folder, values))

    def result_folder_of(self, case_id: str, beam_id: str) -> Path:
        """The local folder to which a beam's dose file comes home."""
        return Path(fill(self.result_folder, _beam_values(case_id, beam_id) | {"result_path": self.result_path}))

    def remote_folder_of(self, case_id: str, beam_id: str) -> PurePosixPath:
        """The beam's own folder on the HPC, absolute."""
        values = _beam_values(case_id, beam_id) | {"remote_root": self.hpc.remote_root}
        return PurePosixPath(fill(self.hpc.beam_folder, values))

    def run_folder_of(self, case_id: str, beam_id: str, number: int) -> PurePosixPath:
        """The folder of one attempt inside the beam's folder on the HPC; by default its number is the attempt's."""
        return self.remote_folder_of(case_id, beam_id) / f"run-{number:03d}"


def _beam_values(case_id: str, beam_id: str) -> dict[str, object]:
    return {"case_id": case_id, "beam_id": beam_id, "beam_name": beam_id.removeprefix(f"{case_id}_")}

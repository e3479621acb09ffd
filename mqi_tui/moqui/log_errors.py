"""What an engine's error lines and exit codes mean, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mqi_tui.domain.text import printable

_LONGEST_SHOWN = 300

# The first that is found counts, so what is special stands before what is general.
_MEANINGS = (
    (r"Cannot open input parameter file", "the moqui_tps.in that engine.command names is not there or not readable"),
    (r"ParentDir is not provided", "moqui_tps.in lacks ParentDir or DicomDir"),
    (r"DICOM Dir is not provided", "moqui_tps.in lacks DicomDir"),
    (r"Log Dir is not provided", "moqui_tps.in lacks logFilePath"),
    (r"Output directory is not provided", "moqui_tps.in lacks OutputDir"),
    (r"Output directory exists", "OutputDir is there already, and OverwriteResults in moqui_tps.in is not true"),
    (r"There is no RTPLAN in the path", "DicomDir in moqui_tps.in holds no plan"),
    (r"Need to call Explore first|Reading DICOM failed", "DicomDir in moqui_tps.in is no folder that can be read"),
    (r"Invalid beam number", "BeamNumbers in moqui_tps.in names a beam that the plan does not have"),
    (r"Mask filename is missing", "ScoringMask in moqui_tps.in is true, but Mask is missing"),
    (r"Unrecognized scorer name", "the engine does not know the Scorer in moqui_tps.in"),
    (r"No free GPU remains", "another process holds the GPU; retry when it is free"),
    (r"Cannot write ?:", "the engine could not write its result: look at the folder, its rights and the disk"),
    (r"no CUDA-capable device|invalid device ordinal", "the job sees no such GPU; check GPUID and the node"),
    (r"CUDA driver version is insufficient", "the node's GPU driver is too old for this engine"),
    (r"(CUDA error|GPUassert).*out of memory", "the GPU's memory is full; make the phantom or the batches smaller"),
    (r"CUDA error|GPUassert", "the GPU or its driver failed; try again, and look after the node if it comes back"),
    (r"std::bad_alloc|Cannot allocate memory|oom[-_ ]?kill|Out Of Memory", "the node's memory is full"),
    (r"No space left on device|Disk quota exceeded", "the disk on the HPC is full"),
    (r"DUE TO TIME LIMIT", "the scheduler's time limit ended the job"),
    (r"error while loading shared libraries", "a library of the engine is missing; load it in engine.setup_lines"),
    (
        r": (command )?not found$|failed to run command",
        "the program of engine.command is not there, or cannot be started",
    ),
    (r"Assertion .*failed", "a check inside the engine failed"),
    (r"^mqi_tui\.builtin\.simulation: error: ", "so says the built-in dose engine"),
    (r"^terminate called", "the engine gave up"),
    (r"^what\(\):", "the engine's own reason"),
    (r"\bSegmentation fault\b|\bBus error\b", "the engine crashed"),
)
_COMPILED = tuple((re.compile(pattern), meaning) for pattern, meaning in _MEANINGS)
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern, _ in _MEANINGS))

_EXITS = {
    126: "the program of engine.command cannot be executed; check its rights, and that it is made for this machine",
    127: "the program of engine.command was not found; check its path and engine.setup_lines",
    129: "its terminal was closed (SIGHUP)",
    130: "it was interrupted (SIGINT)",
    132: "it ran into an instruction that this processor does not know (SIGILL)",
    134: "it gave up with an exception (SIGABRT); its log says why",
    135: "it crashed with a bus error (SIGBUS), as when the disk is full",
    136: "it crashed in its arithmetic (SIGFPE)",
    137: "it was killed (SIGKILL), as when the memory of the node is full",
    139: "it crashed (SIGSEGV, segmentation fault)",
    143: "it was asked to end (SIGTERM), by a person or the scheduler",
    255: "the GPU or its driver failed (CUDA error)",
}
_LAST_SIGNAL = 64


@dataclass(frozen=True, slots=True)
class LogError:
    """A line in which the engine says what went wrong, and what it means."""

    line: str
    meaning: str


def find_error(line: str) -> LogError | None:
    """The error that a line of a log tells, if any."""
    line = line.strip()
    if not _ANY.search(line):
        return None
    meaning = next(meaning for pattern, meaning in _COMPILED if pattern.search(line))
    return LogError(printable(line[:_LONGEST_SHOWN]), meaning)


def explain_exit(code: int) -> str:
    """What an exit code other than 0 says about a run, as the end of a sentence without its full stop."""
    if code in _EXITS:
        return _EXITS[code]
    if 128 < code <= 128 + _LAST_SIGNAL:
        return f"signal {code - 128} ended it"
    return "its log may say why"

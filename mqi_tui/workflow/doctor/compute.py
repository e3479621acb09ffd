"""The place where jobs compute, looked at by a small job of its own: is the folder seen there, and the engine?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from shlex import quote

from mqi_tui.config import Settings
from mqi_tui.config.templates import fill, placeholders_of
from mqi_tui.hpc.gpu_readings import parse_readings
from mqi_tui.hpc.protocols import CommandResult, Transport
from mqi_tui.hpc.slurm.submission import asked_options
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.connection import GPUS_OF_JOBS, ROOT
from mqi_tui.workflow.doctor.programs import BUILTIN, FIND_MODULE
from mqi_tui.workflow.doctor.scheduler import DIRECT_TOOLS, JOB_NAME, OPTIONS, said

NODE = "compute node"
_IMMEDIATE_SECONDS = 30
_NODE_SECONDS = 60.0

# Lines of setup_lines that prepare the environment and do nothing else; the others may need the files of a beam.
_PREPARING = re.compile(
    r"\s*((module|ml|source|export|\.)\s[^;&|<>`]*|[A-Za-z_]\w*=[^;&|<>`\s]*)"
    r"(\s*[12&]?>+\s*/dev/null|\s*2>&1)*(\s*\|\|\s*exit(\s+\d+)?)?\s*"
)

_LOOK = r"""
root=$1 program=$2 module=$3 find_module=$4 prepare=$5 probe=$6
shift 6
eval "$prepare"
printf 'host=%s\n' "$(uname -n)"
[ -d "$root" ] && [ -w "$root" ] && [ -r "$root/$probe" ] && echo root=yes
command -v "$program" >/dev/null 2>&1 && printf 'program=%s\n' "$(command -v "$program")"
[ -z "$module" ] || { "$program" -c "$find_module" "$module" && echo module=yes; }
if command -v sha256sum >/dev/null 2>&1 || command -v shasum >/dev/null 2>&1; then echo checksum=yes; fi
limit=
if command -v timeout >/dev/null 2>&1; then limit='timeout 10'; fi
if command -v nvidia-smi >/dev/null 2>&1; then
    printf 'gpus=%s\n' "$($limit nvidia-smi -L 2>/dev/null | grep -c '^GPU ')"
fi
if [ $# -gt 0 ]; then $limit "$@" 2>/dev/null | sed 's/^/reading=/'; fi
printf 'visible=%s\n' "${CUDA_VISIBLE_DEVICES-}"
echo end=yes
"""


class ComputeChecks:
    def __init__(self, transport: Callable[[], Transport], settings: Settings, probe_name: str) -> None:
        self._transport = transport
        self._settings = settings
        self._probe_name = probe_name
        self._seen: Mapping[str, str] = {}
        self._readings = ""
        """What the command of hpc.gpu_readings printed, where jobs are to run it."""
        self._words = ""
        """The last thing that the look itself complained about."""

    def steps(self) -> list[Step]:
        ready = OPTIONS if self._settings.hpc.scheduler == "slurm" else DIRECT_TOOLS
        mend = "correct hpc.gpu_readings.command, or set it to []"
        readings = [Step(GPUS_OF_JOBS, self._gpus, mend, (NODE,))] if self._readings_command() else []
        engine = "install mqi_simulation there, or correct engine.command and engine.setup_lines"
        return [
            Step(
                NODE, self._look, "try `srun` with the options of hpc.slurm by hand", (ROOT, ready), _NODE_SECONDS + 30
            ),
            Step("remote_root of jobs", self._root, "choose a hpc.remote_root that every node shares", (NODE,)),
            Step("mqi_simulation", self._engine, engine, (NODE,)),
            Step("checksum tool of jobs", self._checksum, "install coreutils there", (NODE,)),
            Step("nvidia-smi", self._nvidia_smi, "look at the driver there", (NODE,)),
            *readings,
        ]

    async def _look(self) -> Finding:
        hpc = self._settings.hpc
        program, module = self._program()
        look = ["sh", "-c", _LOOK, JOB_NAME, hpc.remote_root, program, module, FIND_MODULE]
        look += ["\n".join(self._preparing_lines()), self._probe_name, *self._readings_command()]
        is_slurm = hpc.scheduler == "slurm"
        command = [*self._srun(), *look] if is_slurm else look
        result = await self._transport().run(command, timeout=_NODE_SECONDS)
        self._seen = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
        lines = result.stdout.splitlines()
        self._readings = "\n".join(line.removeprefix("reading=") for line in lines if line.startswith("reading="))
        self._words = " ".join(result.stderr.strip().splitlines()[-1:])[:200]
        if "end" in self._seen:
            where = f"a job ran on {self._seen.get('host')}" if is_slurm else "jobs run on this host"
            return ok(where + (f" with GPU {self._seen['visible']}" if self._seen.get("visible") else ""))
        return _no_answer(result)

    async def _root(self) -> Finding:
        root = self._settings.hpc.remote_root
        if "root" not in self._seen:
            return failed(
                f"{root} is not there for a job, or cannot be written by it",
                "choose a hpc.remote_root on a disk that login and compute nodes share",
            )
        return ok(f"{root} is the same one for a job, and can be written by it")

    async def _engine(self) -> Finding:
        program, module = self._program()
        remedy = "install it there, or correct engine.command, engine.setup_lines (module load ...) and hpc.python"
        words = f" ({self._words})" if self._words else ""
        if "{" in program:
            return warning(f"{program} depends on the beam and was not looked at", "name the program itself")
        if not self._seen.get("program"):
            return failed(f"{program} is not found by a job{words}", remedy)
        if module and "module" not in self._seen:
            return failed(f"{program} has no module {module} for a job{words}", remedy)
        note = " (built in: no clinical program)" if module.startswith(BUILTIN) else ""
        return ok(f"{self._seen['program']}{f' -m {module}' if module else ''} is found by a job{note}")

    async def _checksum(self) -> Finding:
        if "checksum" not in self._seen:
            return failed("neither sha256sum nor shasum is there for a job", "install coreutils or perl there")
        return ok("sha256sum or shasum is there for a job")

    async def _nvidia_smi(self) -> Finding:
        remedy = "without it no job says which GPU it has; look at the driver there, if it has NVIDIA GPUs"
        count = self._seen.get("gpus")
        if count is None:
            return warning("nvidia-smi is not found by a job", remedy)
        if not count.isdecimal() or int(count) == 0:
            return warning("nvidia-smi shows a job no GPU", remedy)
        return ok(f"nvidia-smi shows a job {count} GPU{'s' * (int(count) != 1)}")

    async def _gpus(self) -> Finding:
        program, count = self._readings_command()[0], len(parse_readings(self._readings))
        if not count:
            remedy = "harmless: the screen shows no reading; or correct hpc.gpu_readings.command, or set it to []"
            return warning(f"{program} tells a job of no GPU", remedy)
        return ok(f"{program} tells a job of {count} GPU{'s' * (count != 1)}")

    def _readings_command(self) -> Sequence[str]:
        readings = self._settings.hpc.gpu_readings
        return readings.command if readings.where == "job" else ()

    def _program(self) -> tuple[str, str]:
        """(program of engine.command, the module of `python -m`)."""
        command = self._settings.engine.command
        program = fill(command[0], _OnlyPython(python=self._settings.hpc.python))
        return program, command[2] if command[1:2] == ("-m",) and len(command) > 2 else ""

    def _preparing_lines(self) -> list[str]:
        lines = [line for line in self._settings.engine.setup_lines if set(placeholders_of(line)) <= {"python"}]
        filled = [fill(line, {"python": quote(self._settings.hpc.python)}) for line in lines]
        return [line for line in filled if _PREPARING.fullmatch(line)]

    def _srun(self) -> list[str]:
        options = asked_options(self._settings.hpc.slurm)
        return [
            *("env", "-u", "MQI_GPU_ID", "-u", "MQI_JOB_TOKEN", "-u", "CUDA_VISIBLE_DEVICES"),
            *("srun", *options, "--ntasks=1", "--time=1", f"--immediate={_IMMEDIATE_SECONDS}"),
            *(f"--job-name={JOB_NAME}", "--chdir=/", "--input=none"),
        ]


def _no_answer(result: CommandResult) -> Finding:
    answer = said(result)
    unseen = "what a compute node sees was not looked at"
    if result.exit_status == 127:
        return warning(f"{unseen}: {answer}", "put srun into PATH there", blocks=True)
    if "allocate" in answer:
        return warning(
            f"{unseen}, for no node was given within {_IMMEDIATE_SECONDS} s: {answer}",
            "run the doctor again when a GPU is free, or try `srun` with the options of hpc.slurm by hand",
            blocks=True,
        )
    return failed(f"a small job did not run: {answer}", "try `srun` with the options of hpc.slurm by hand")


class _OnlyPython(dict[str, str]):
    """Fills {python}; the placeholders of a beam stay, so that they can be seen."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"

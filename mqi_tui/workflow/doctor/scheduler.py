"""Who runs the jobs: the tools of a machine without a batch system, or Slurm and what it makes of our options."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from mqi_tui.config import HpcSettings
from mqi_tui.hpc.protocols import CommandResult, JobSpec, Transport
from mqi_tui.hpc.slurm.submission import extra_options, sbatch_command
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.connection import CONNECTION, ROOT
from mqi_tui.workflow.doctor.folders import PROBE_NAME

DIRECT_TOOLS = "job tools"
SLURM_COMMANDS = "Slurm commands"
CONTROLLER = "Slurm controller"
OPTIONS = "Slurm options"
JOB_NAME = "mqi-tui-doctor"

_NEEDED = ("sbatch", "squeue", "scontrol", "scancel")
_HELPFUL = ("sacct", "sinfo", "srun")
_WHICH = 'for name; do command -v "$name" >/dev/null 2>&1 || printf "%s " "$name"; done'
# The scheduler reads the process table by ps or, in slim containers, from /proc.
_TOOLS = """
command -v setsid >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || echo "setsid or perl"
command -v ps >/dev/null 2>&1 || [ -r /proc/self/stat ] || echo ps
"""
_SLOW_SECONDS = 30.0
"""Slurm's commands give up by themselves after 10 to 20 s when the controller is away."""
_GRES = re.compile(r"(?P<name>[A-Za-z]\w*)(:(?P<type>[A-Za-z][\w.-]*))?(:(?P<count>\d+))?")


class DirectChecks:
    def __init__(self, transport: Callable[[], Transport]) -> None:
        self._transport = transport

    def steps(self) -> list[Step]:
        return [Step(DIRECT_TOOLS, self._tools, "install setsid (util-linux) or perl there", (CONNECTION,))]

    async def _tools(self) -> Finding:
        missing = (await self._transport().run(["sh", "-c", _TOOLS])).stdout.splitlines()
        if missing:
            return failed(f"there is no {' and no '.join(missing)}", "install util-linux and procps there")
        return ok("setsid or perl, and the process table, are there")


class SlurmChecks:
    def __init__(self, transport: Callable[[], Transport], hpc: HpcSettings) -> None:
        self._transport = transport
        self._hpc = hpc

    def steps(self) -> list[Step]:
        refused = "correct hpc.slurm, or ask the administrator which options you may use"
        slow = _SLOW_SECONDS + 10.0
        return [
            Step(SLURM_COMMANDS, self._commands, "put Slurm's commands into PATH there", (CONNECTION,)),
            Step(CONTROLLER, self._controller, "ask the administrator about slurmctld", (SLURM_COMMANDS,), slow),
            Step("Slurm accounting", self._accounting, "harmless", (CONTROLLER,), slow),
            Step(OPTIONS, self._options, refused, (CONTROLLER, ROOT), slow),
            Step("gres", self._gres, "correct hpc.slurm.gres", (CONTROLLER,), slow),
        ]

    async def _commands(self) -> Finding:
        missing = (await self._transport().run(["sh", "-c", _WHICH, "which", *_NEEDED, *_HELPFUL])).stdout.split()
        needed = [name for name in missing if name in _NEEDED]
        remedy = "put them into PATH there for shells that are no login shells, or use the right host"
        if needed:
            return failed(f"{', '.join(needed)} not found", remedy)
        version = (await self._transport().run(["sbatch", "--version"])).stdout.strip()[:60]
        if missing:
            return warning(f"{', '.join(missing)} not found ({version})", remedy)
        return ok(f"all there ({version})")

    async def _controller(self) -> Finding:
        result = await self._transport().run(["scontrol", "ping"], timeout=_SLOW_SECONDS)
        answer = said(result).replace(" RESTORE SLURMCTLD DAEMON TO SERVICE", "")
        if " is UP" not in answer:
            return failed(answer, "ask the administrator about slurmctld; the program waits until it is back")
        return ok(answer)

    async def _accounting(self) -> Finding:
        result = await self._transport().run(["sacct", "-n", "-X", "--starttime=now"], timeout=_SLOW_SECONDS)
        if result.exit_status != 0:
            return warning(
                f"Slurm keeps no record of jobs: {said(result)}",
                "harmless: the end of a job is known from its exit record and from scontrol",
            )
        return ok("sacct answers")

    async def _options(self) -> Finding:
        """Asks by the very command line with which jobs are submitted."""
        root = PurePosixPath(self._hpc.remote_root)
        job = JobSpec(JOB_NAME, "doctor", root, root / PROBE_NAME, 0)
        command = sbatch_command(job, self._hpc.slurm, extra_options(self._hpc.slurm.extra_lines))
        command.insert(command.index("sbatch") + 1, "--test-only")
        result = await self._transport().run(command, timeout=_SLOW_SECONDS)
        if result.exit_status != 0:
            return failed(
                f"Slurm would not take a job: {said(result)}",
                "correct partition, account, qos, gres, ... in hpc.slurm, or ask the administrator what you may use",
            )
        return ok(f"Slurm would take a job: {said(result)}")

    async def _gres(self) -> Finding:
        gres, partition = self._hpc.slurm.gres, self._hpc.slurm.partition
        if not gres:
            if any("gpu" in line for line in self._hpc.slurm.extra_lines):
                return ok("asked for in hpc.slurm.extra_lines")
            return warning("jobs ask for no GPU (hpc.slurm.gres is empty)", "set hpc.slurm.gres, such as gpu:1")
        where = [f"--partition={partition}"] if partition else []
        result = await self._transport().run(
            ["sinfo", "--noheader", "--format=%P|%D|%G", *where], timeout=_SLOW_SECONDS
        )
        if result.exit_status != 0:
            return warning(f"sinfo does not say what there is: {said(result)}", "look at `sinfo` there")
        count = count_gres(result.stdout, gres, default_only=not partition)
        place = f"partition {partition}" if partition else "the default partition"
        if count == 0:
            return failed(
                f"no node of {place} has {gres}", "correct hpc.slurm.gres and partition; `sinfo -o '%P %G'` lists all"
            )
        if count < self._hpc.gpu_count:
            return warning(
                f"{place} has {count} of {gres}, and hpc.gpu_count is {self._hpc.gpu_count}",
                f"set hpc.gpu_count to {count}; or, to use a part of them, to that part and hpc.slurm.queue_ahead to 0",
            )
        return ok(f"{place} has {count} of {gres}")


def count_gres(text: str, asked: str, *, default_only: bool) -> int:
    """How often what is asked for (`gpu:1`, `gpu:a100:2`) is there, out of sinfo's lines `partition|nodes|gres`."""
    wanted = _GRES.fullmatch(asked.partition(",")[0])
    total = 0
    for line in text.splitlines():
        partition, _, rest = line.partition("|")
        nodes, _, gres = rest.partition("|")
        if wanted is None or not nodes.isdecimal() or (default_only and not partition.endswith("*")):
            continue
        for part in gres.split(","):
            found = _GRES.match(part.strip())
            if found and found["name"] == wanted["name"] and wanted["type"] in {None, found["type"]}:
                total += int(nodes) * int(found["count"] or 1)
    return total // int((wanted and wanted["count"]) or 1)


def said(result: CommandResult) -> str:
    """What a command printed, on one line and without ornaments."""
    words = [word for word in f"{result.stderr} {result.stdout}".split() if word.strip("*=-")]
    return " ".join(words)[:300] or f"no word, exit code {result.exit_status}"

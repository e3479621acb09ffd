"""The site's programs on this machine, and the calibrations of its treatment machines."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mqi_tui.config import Config, InterpreterSettings, Settings
from mqi_tui.config.templates import fill
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.workflow.doctor.check import Finding, Step, failed, ok, warning
from mqi_tui.workflow.doctor.patience import patiently

BUILTIN = "mqi_tui.builtin"
FIND_MODULE = (
    "import importlib.util, sys; sys.path = [place for place in sys.path if place]; "
    "sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
)
"""Python that ends with 0 when the module that it is given can be found; not in the folder where it runs."""

_PYTHON = re.compile(r"(?i)python[0-9.]*(\.exe)?")
_SECONDS = 20.0


class ProgramChecks:
    def __init__(self, config: Config) -> None:
        self._config = config

    def steps(self) -> list[Step]:
        settings = self._config.settings
        steps = [
            Step(
                "interpreter",
                partial(self._command, settings.interpreter.command),
                "correct interpreter.command: the program must be on this machine",
            ),
            Step("machines", self._machines, "correct machines"),
        ]
        if settings.postprocessing.command:
            remedy = "correct postprocessing.command: the program must be on this machine"
            steps.append(Step("postprocessing", partial(self._command, settings.postprocessing.command), remedy))
        return steps

    async def _command(self, command: Sequence[str]) -> Finding:
        words = [fill(word, _Known(python=sys.executable, config_dir=str(self._config.folder))) for word in command]
        program = words[0]
        if "{" in program:
            return warning(f"{program} depends on the beam and was not looked at", "name the program itself")
        if not Path(program).is_absolute() and Path(program).name != program:
            remedy = "write it with its whole path, such as {config_dir}/" + program
            return failed(f"{program} is relative to a folder that changes with each beam", remedy)
        found = await patiently(shutil.which, program)
        if found is None:
            state = "may not be executed" if await patiently(Path(program).is_file) else "is not there"
            return failed(f"{program} {state}", "install it, give this user the right, or correct the command")
        if _PYTHON.fullmatch(Path(program).name) and len(words) > 1:
            return await _python(found, words[1:])
        return ok(f"{found} can be started")

    async def _machines(self) -> Finding:
        return machines(self._config.settings)


def machines(settings: Settings) -> Finding:
    """The calibrations: told apart by their names, and the site's own."""
    names = list(settings.machines)
    for name in names:
        longer = [other for other in names if other != name and name in other]
        if longer:
            remedy = "name each machine by a part of its name that is its alone"
            return warning(f"a plan for {longer[0]} would match {name}, too", remedy)
    own = settings.interpreter.command != InterpreterSettings().command
    examples = [name for name, machine in settings.machines.items() if machine == Settings().machines.get(name)]
    if own and examples:
        remedy = "put in the values of your machines' scv_init files"
        return warning(f"the calibration of {', '.join(examples)} is the example of mqi-tui", remedy)
    return ok(f"{', '.join(names)}: a plan's TreatmentMachineName must hold one of these")


async def _python(python: str, arguments: Sequence[str]) -> Finding:
    if arguments[0] == "-m" and len(arguments) > 1:
        module = arguments[1]
        result = await LocalTransport().run([python, "-c", FIND_MODULE, module], timeout=_SECONDS)
        if result.exit_status != 0:
            return failed(f"{python} has no module {module}", "install it for that Python, or correct the command")
        note = " (built in: no clinical program)" if module.startswith(BUILTIN) else ""
        return ok(f"{python} has the module {module}{note}")
    script = arguments[0]
    if not script.startswith("-") and "{" not in script and not await patiently(Path(script).is_file):
        return failed(f"the script {script} is not there", "correct the command; write the script with its whole path")
    return ok(f"{python} can be started")


class _Known(dict[str, str]):
    """Leaves the placeholders of a beam as they are."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"

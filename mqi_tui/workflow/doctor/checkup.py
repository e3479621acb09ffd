"""The whole list, in the order in which a site gets it right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from mqi_tui.config import Config, load_config
from mqi_tui.domain.errors import ConfigError
from mqi_tui.hpc.protocols import Transport
from mqi_tui.workflow.config_check import check_engine_parameters
from mqi_tui.workflow.doctor.check import Check, Outcome, Step, take_steps
from mqi_tui.workflow.doctor.compute import ComputeChecks
from mqi_tui.workflow.doctor.connection import ConnectionChecks
from mqi_tui.workflow.doctor.folders import PROBE_NAME, FolderChecks
from mqi_tui.workflow.doctor.patience import patiently
from mqi_tui.workflow.doctor.programs import ProgramChecks
from mqi_tui.workflow.doctor.scheduler import DirectChecks, SlurmChecks
from mqi_tui.workflow.doctor.ssh_files import ssh_steps

CONFIG = "config"


async def check_up(path: Path) -> AsyncIterator[Check]:
    """Every check of the site that the config at `path` describes, each as soon as it is known.

    A config that cannot be used is all that is told then. It takes no lock and opens a transport of its own, so it can
    run beside the program; all that it writes is one small file in each folder.
    """
    try:
        config = await patiently(load_config, path)
        check_engine_parameters(config)
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Check(
                CONFIG, Outcome.FAILED, line.rstrip("."), "correct that line; `mqi-tui config` prints what is in force"
            )
        return
    hpc = config.settings.hpc
    yield Check(CONFIG, Outcome.OK, f"{config.path}: transport {hpc.transport}, scheduler {hpc.scheduler}")
    async with AsyncExitStack() as stack:
        async for check in take_steps(_steps(config, stack)):
            yield check


def _steps(config: Config, stack: AsyncExitStack) -> list[Step]:
    connection = ConnectionChecks(config, stack)
    hpc = config.settings.hpc

    def transport() -> Transport:
        return connection.transport

    scheduler = SlurmChecks(transport, hpc) if hpc.scheduler == "slurm" else DirectChecks(transport)
    return [
        *FolderChecks(config).steps(),
        *ProgramChecks(config).steps(),
        *(ssh_steps(hpc.ssh) if hpc.transport == "ssh" else ()),
        *connection.steps(),
        *scheduler.steps(),
        *ComputeChecks(transport, config.settings, PROBE_NAME).steps(),
    ]

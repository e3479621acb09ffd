"""How long a line of the engine's log takes from being written on the cluster to the screen, over `ssh x slurm`.

`python -m benchmarks.live_log`, as root with Slurm and OpenSSH's server installed. The engine writes the time twice a
second; the app runs headless with the cursor on that beam. Both sides are one machine, so that there is one clock.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from mqi_tui.ui.actions import Actions
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.widgets.beam_list import BeamList
from mqi_tui.ui.widgets.log_view import LogView
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.support.clusters import hpc_settings
from tests.support.site import Site

LINES = 60
_SCRIPT = f"for n in $(seq {LINES}); do echo written $(date +%s.%N); sleep 0.5; done; exit 1"


async def delays(cluster: Cluster, folder: Path) -> list[float]:
    """Seconds for each line, from its writing to its place in the log pane."""
    site = Site.make(folder)
    site.configure(
        hpc=hpc_settings(cluster, "ssh", "slurm", folder / "far") | {"poll_interval_seconds": 1.0},
        engine={"command": ["sh", "-c", _SCRIPT], "setup_lines": []},
    )
    site.add_cases(1, beams=1, layers=1)
    async with site.engine() as engine:
        while not engine.snapshot.cases:  # noqa: ASYNC110  (the engine has no event for it)
            await asyncio.sleep(0.1)
        await engine.dispatch(engine.snapshot.cases[0].case_id)
        app = MqiApp(engine, site.config, Actions())
        async with app.run_test(size=(120, 40)):
            log = app.screen.query_one(LogView)
            seen: list[float] = []
            end = time.monotonic() + 120.0
            while len(seen) < LINES and time.monotonic() < end:
                lines = [line for line in log.lines if line.startswith("written ")]
                seen += [time.time() - float(line.split()[1]) for line in lines[len(seen) :]]
                await asyncio.sleep(0.01)
            assert app.screen.query_one(BeamList).selected_beam is not None
    return seen


def main() -> None:
    with temporary_cluster() as cluster, TemporaryDirectory(prefix="mqi-live-log-") as name:
        seen = asyncio.run(delays(cluster, Path(name) / "site"))
    # What was there when the pane first looked had waited for the pane, not for the log.
    steady = seen[10:]
    if not steady:
        raise SystemExit(f"only {len(seen)} lines reached the screen")
    print(f"{len(seen)} lines; from the engine to the screen: median {statistics.median(steady):.2f} s,")
    print(f"longest {max(steady):.2f} s (asked for: within 2 s)")


if __name__ == "__main__":
    main()

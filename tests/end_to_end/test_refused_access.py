"""A login that is refused after a restart: jobs that run are left alone, and their beams go on when it is mended."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from tests.cluster.cluster import Cluster
from tests.support.clusters import hpc_settings
from tests.support.site import Site, all_beams, wait_for

pytestmark = pytest.mark.cluster

ENGINE = """
import runpy, sys, time
from pathlib import Path

released = Path(sys.argv.pop())
while not released.exists():
    time.sleep(0.05)
runpy.run_module("mqi_tui.builtin.simulation", run_name="__main__", alter_sys=True)
"""


def _new_key(path: Path) -> Path:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _strange_login(ssh: dict[str, Any]) -> None:
    _new_key(Path(ssh["identity_files"][0])).with_suffix(".pub").unlink()


def _strange_host(ssh: dict[str, Any]) -> None:
    known = Path(ssh["known_hosts"])
    key = _new_key(known.with_name("other_host")).with_suffix(".pub").read_text().split()
    known.write_text(f"{known.read_text().split()[0]} {key[0]} {key[1]}\n")


@pytest.mark.parametrize(
    ("spoil", "said"), [(_strange_login, "is not let in"), (_strange_host, "shows another host key")]
)
@pytest.mark.parametrize("is_over", [False, True], ids=["the jobs run", "the jobs are over"])
async def test_jobs_are_left_alone_while_nobody_is_let_in(
    site: Site, cluster: Cluster, spoil: Callable[[dict[str, Any]], None], said: str, *, is_over: bool
) -> None:
    released = site.folder / "released"
    (site.folder / "engine.py").write_text(ENGINE)
    hpc = hpc_settings(cluster, "ssh", "slurm", site.remote)
    ssh = hpc["ssh"]
    for name, path in (("identity_files", cluster.client_key), ("known_hosts", cluster.known_hosts)):
        own = str(shutil.copy2(path, site.folder / name))
        ssh[name] = [own] if name == "identity_files" else own
    right = {path: Path(path).read_bytes() for path in (ssh["identity_files"][0], ssh["known_hosts"])}
    site.configure(
        hpc=hpc | {"gpu_count": 2},
        engine={"command": ["{python}", str(site.folder / "engine.py"), "{tps_file}", str(released)]},
        retry={"first_pause_seconds": 0.2, "longest_pause_seconds": 1},
    )
    site.add_cases(1, beams=2, layers=3)
    async with site.engine(auto_dispatch=True) as engine:
        await wait_for(engine, lambda seen: all(beam.hpc_job_id for beam in all_beams(seen)) and bool(all_beams(seen)))
    if is_over:
        released.touch()

    spoil(ssh)
    async with site.engine() as engine:
        await wait_for(engine, lambda seen: _all_told(seen, said))
        await wait_for(engine, lambda seen: said in seen.notice or "unreachable since" in seen.notice)
        assert {beam.status for beam in all_beams(engine.snapshot)} == {BeamStatus.HPC_RUNNING}
        for path, content in right.items():
            Path(path).write_bytes(content)
        released.touch()
        await wait_for(engine, lambda seen: seen.is_idle)
        beams = all_beams(engine.snapshot)
        assert [(beam.status, beam.attempt) for beam in beams] == [(BeamStatus.COMPLETED, 1)] * 2
        assert [event.message for event in engine.snapshot.events if event.level == "error"] == []


def _all_told(snapshot: EngineSnapshot, said: str) -> bool:
    return all("held up since" in beam.detail and said in beam.detail for beam in all_beams(snapshot))

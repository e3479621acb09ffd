"""Upload of 5 beams x 50 CSVs x 200 KiB beside `scp -r` and `rsync -a`, at 0 and 20 ms round trip, in one run.

`python -m benchmarks.upload [ROUNDS]`, as root with OpenSSH's server and rsync installed. Prints seconds and, as
what counts, the ratios: below 1 is faster than the other. Ours also verifies every file by sha256 and publishes each
beam whole; the others do neither.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from benchmarks.delay_proxy import delayed
from mqi_tui.config import HpcSettings, Settings, SshSettings
from mqi_tui.hpc.factory import open_hpc
from tests.cluster.cluster import Cluster, temporary_cluster

BEAMS, FILES, BYTES = 5, 50, 200 * 1024
ROUND_TRIPS_MS = (0, 20)


def make_beams(folder: Path) -> dict[str, dict[str, Path]]:
    """Files by name, by beam; their content does not compress."""
    beams: dict[str, dict[str, Path]] = {}
    for beam in range(BEAMS):
        place = folder / f"beam{beam}"
        place.mkdir(parents=True)
        files = [place / f"{number:02d}_{100 + number}.00MeV.csv" for number in range(1, FILES)] + [
            place / "moqui_tps.in"
        ]
        for path in files:
            path.write_bytes(os.urandom(BYTES))
        beams[place.name] = {path.name: path for path in files}
    return beams


async def ours(cluster: Cluster, port: int, beams: dict[str, dict[str, Path]], target: Path) -> None:
    ssh = SshSettings(
        host=cluster.ssh_host,
        port=port,
        user=cluster.ssh_user,
        identity_files=(str(cluster.client_key),),
        known_hosts=str(known_hosts_for(cluster, port)),
        config_files=(),
    )
    settings = Settings(hpc=HpcSettings(transport="ssh", remote_root=str(target), ssh=ssh))
    async with open_hpc(settings) as remote:
        await asyncio.gather(*(remote.upload_beam(files, PurePosixPath(target, beam)) for beam, files in beams.items()))


def known_hosts_for(cluster: Cluster, port: int) -> Path:
    """The cluster's host key under the proxy's port."""
    _, kind, key = cluster.known_hosts.read_text().split()[:3]
    path = cluster.folder / f"known_hosts_{port}"
    path.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    return path


def ssh_options(cluster: Cluster, port: int) -> list[str]:
    return [
        *("-F", "/dev/null", "-i", str(cluster.client_key)),
        *("-o", f"UserKnownHostsFile={known_hosts_for(cluster, port)}", "-o", "BatchMode=yes"),
    ]


async def scp(cluster: Cluster, port: int, source: Path, target: Path) -> None:
    options = [*ssh_options(cluster, port), "-P", str(port)]
    await run("scp", "-q", "-r", *options, str(source), f"{cluster.ssh_user}@127.0.0.1:{target}")


async def rsync(cluster: Cluster, port: int, source: Path, target: Path) -> None:
    shell = " ".join(["ssh", *ssh_options(cluster, port), "-p", str(port)])
    await run("rsync", "-a", "-e", shell, f"{source}/", f"{cluster.ssh_user}@127.0.0.1:{target}/")


async def run(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL)
    if await process.wait() != 0:
        raise SystemExit(f"{words[0]} ended with exit code {process.returncode}")


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


async def compare(cluster: Cluster, folder: Path, rounds: int) -> None:
    beams = make_beams(folder / "local")
    for milliseconds in ROUND_TRIPS_MS:
        seconds: dict[str, list[float]] = {"mqi-tui": [], "scp -r": [], "rsync -a": []}
        with delayed(cluster.ssh_host, cluster.ssh_port, milliseconds / 1000) as port:
            for number in range(rounds):
                target = folder / f"far-{milliseconds}-{number}"
                for name in ("a", "b", "c"):
                    (target / name).mkdir(parents=True)
                seconds["mqi-tui"].append(await timed(lambda: ours(cluster, port, beams, target / "a")))  # noqa: B023
                seconds["scp -r"].append(await timed(lambda: scp(cluster, port, folder / "local", target / "b")))  # noqa: B023
                seconds["rsync -a"].append(
                    await timed(lambda: rsync(cluster, port, folder / "local", target / "c"))  # noqa: B023
                )
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        print(f"{milliseconds} ms round trip, medians of {rounds}:")
        for name, median in medians.items():
            print(f"  {name:9} {median:7.2f} s   mqi-tui / {name}: {medians['mqi-tui'] / median:.2f}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with temporary_cluster() as cluster, TemporaryDirectory(prefix="mqi-upload-") as folder:
        asyncio.run(compare(cluster, Path(folder), rounds))


if __name__ == "__main__":
    main()

"""`python -m tests.cluster`: bring a cluster up, take it down, and put faults into it, by hand."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.cluster.layout import ClusterError

_FAULTS = {
    "stop": Cluster.stop,
    "kill": Cluster.kill,
    "start": Cluster.start,
    "freeze": Cluster.freeze,
    "thaw": Cluster.thaw,
}


def main() -> int:
    options = _parser().parse_args()
    try:
        return _carry_out(options)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    helps = {
        "up": "bring a cluster up in DIR",
        "down": "end everything of it; DIR stays",
        "status": "a line for each daemon; exit code 0 if all answer",
        "env": "lines for eval in a shell: SLURM_CONF, PATH, and how to get in over SSH",
        "drop": "cut all SSH connections",
        **{verb: (fault.__doc__ or "").partition(".")[0] for verb, fault in _FAULTS.items()},
    }
    for verb, text in helps.items():
        command = verbs.add_parser(verb, help=text, description=text)
        command.add_argument("folder", type=Path, metavar="DIR")
        if verb in _FAULTS:
            command.add_argument("daemon", type=Daemon, choices=list(Daemon), metavar="DAEMON", help=", ".join(Daemon))
        if verb == "up":
            command.add_argument("--accounting", action="store_true", help="with slurmdbd, for sacct")
    return parser


def _carry_out(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    if options.verb == "up":
        began = time.monotonic()
        cluster = Cluster.up(folder, accounting=options.accounting)
        print(f"up in {time.monotonic() - began:.1f} s; ssh -F {cluster.layout.ssh}/config cluster")
        return 0
    cluster = Cluster.open(folder)
    match options.verb:
        case "down":
            cluster.down()
        case "status":
            return _status(cluster)
        case "env":
            values = cluster.environment | {
                "SSH_HOST": cluster.ssh_host,
                "SSH_PORT": str(cluster.ssh_port),
                "SSH_USER": cluster.ssh_user,
                "SSH_KEY": str(cluster.client_key),
                "SSH_KNOWN_HOSTS": str(cluster.known_hosts),
            }
            print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()))
        case "drop":
            print(f"connections cut: {cluster.drop_connections()}")
        case verb:
            _FAULTS[verb](cluster, options.daemon)
    return 0


def _status(cluster: Cluster) -> int:
    alive = cluster.alive
    answering = [daemon for daemon in alive if cluster.answers(daemon)]
    for daemon in cluster.daemons:
        state = "answers" if daemon in answering else "does not answer" if daemon in alive else "is down"
        print(f"{daemon:<9} {state}")
    return 0 if len(answering) == len(cluster.daemons) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The configuration files of a cluster's daemons, its keys, and the commands as its users see them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.cluster.layout import Layout, Settings
from tests.cluster.requirements import PROGRAMS_PATH

NODE = "node1"
ADDRESS = "127.0.0.1"
MARK = "MQI_TEST_CLUSTER"
"""The environment variable by which processes of a cluster are known; its value is the cluster's folder."""

COUNTED_COMMANDS = ("sbatch", "squeue", "scontrol", "sacct", "scancel", "sinfo")
_CGROUPS = "CgroupPlugin=autodetect\nCgroupAutomount=yes\nConstrainRAMSpace=yes\n"
_NO_CGROUPS = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
"""Keeps slurmd from looking for them."""
_SFTP_SERVER = "/usr/lib/openssh/sftp-server"


def write_files(layout: Layout, settings: Settings) -> None:
    """Write everything that is not there from an earlier time in this folder; keys and Slurm's state are kept."""
    layout.make()
    _make_keys(layout)
    _make_devices(layout, settings.options.gpus)
    layout.slurm_conf.write_text(_slurm_conf(layout, settings))
    (layout.etc / "gres.conf").write_text(
        f"NodeName={NODE} Name=gpu File={layout.devices}/nvidia[0-{settings.options.gpus - 1}]\n"
    )
    (layout.etc / "cgroup.conf").write_text(_CGROUPS if settings.options.cgroups else _NO_CGROUPS)
    _write(layout.etc / "slurmdbd.conf", _slurmdbd_conf(layout, settings), 0o600)  # it refuses one that others can read
    (layout.ssh / "sshd_config").write_text(_sshd_config(layout, settings))
    (layout.ssh / "config").write_text(_ssh_config(layout, settings))
    host_key = " ".join((layout.ssh / "host_key.pub").read_text().split()[:2])
    layout.known_hosts.write_text(f"[{ADDRESS}]:{settings.ssh_port} {host_key}\n")
    for name in COUNTED_COMMANDS:
        _write(layout.bin / name, _counted_command(layout, name), 0o755)
    _write(layout.bin / "login", _login(settings), 0o755)


def _make_keys(layout: Layout) -> None:
    if not layout.munge_key.exists():
        _write(layout.munge_key, os.urandom(128).hex(), 0o400)
    for path in (layout.ssh / "host_key", layout.client_key):
        if not path.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"test cluster {path.name}", "-f", str(path)],
                check=True,
            )
    shutil.copy(layout.client_key.with_suffix(".pub"), layout.ssh / "authorized_keys")


def _make_devices(layout: Layout, gpus: int) -> None:
    """GPUs are links to /dev/null: for Slurm a device file is a GPU, whatever answers behind it."""
    for number in range(gpus):
        device = layout.devices / f"nvidia{number}"
        if not device.is_symlink():
            device.symlink_to("/dev/null")


def _slurm_conf(layout: Layout, settings: Settings) -> str:
    options = settings.options
    host = socket.gethostname().partition(".")[0]
    accounting = (
        f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={ADDRESS}
AccountingStoragePort={settings.dbd_port}
AccountingStoragePass={layout.munge_socket}
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
"""
        if settings.accounting
        else "AccountingStorageType=accounting_storage/none\n"
    )
    return f"""\
ClusterName={settings.name}
SlurmctldHost={host}({ADDRESS})
SlurmctldPort={settings.ctld_port}
SlurmdPort={settings.slurmd_port}
{_loopback_only(host)}SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket}
StateSaveLocation={layout.folder}/state
SlurmdSpoolDir={layout.folder}/spool
SlurmctldPidFile={layout.run}/slurmctld.pid
SlurmdPidFile={layout.run}/slurmd.pid
SlurmctldDebug=info
SlurmdDebug=info
SlurmdLogFile={layout.log}/slurmstepd.log
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin={"task/cgroup" if options.cgroups else "task/none"}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=30
SlurmdTimeout=20
MessageTimeout={options.message_timeout_seconds}
InactiveLimit=0
KillWait={options.kill_wait_seconds}
MinJobAge={options.min_job_age_seconds}
Waittime=0
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=64
GresTypes=gpu
{accounting}\
NodeName={NODE} NodeHostname={host} NodeAddr={ADDRESS} CPUs={options.cpus} Boards=1 SocketsPerBoard=1 \
CoresPerSocket={options.cpus} ThreadsPerCore=1 RealMemory={_memory_mib() // 2} Gres=gpu:{options.gpus} State=UNKNOWN
PartitionName=main Nodes={NODE} Default=YES DefaultTime=60 MaxTime=INFINITE State=UP
PartitionName=short Nodes={NODE} Default=NO DefaultTime=1 MaxTime=5 State=UP
{_lines(options.slurm_lines)}"""


def _loopback_only(host: str) -> str:
    """slurmctld and slurmd listen on the address that the host's name has, or on all; munge guards them there."""
    try:
        address = socket.gethostbyname(host)
    except OSError:
        address = ""
    return "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\n" if address == ADDRESS else ""


def _slurmdbd_conf(layout: Layout, settings: Settings) -> str:
    return f"""\
DbdHost=localhost
DbdAddr={ADDRESS}
DbdPort={settings.dbd_port}
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket}
SlurmUser=root
PidFile={layout.run}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
DebugLevel=info
"""


def _sshd_config(layout: Layout, settings: Settings) -> str:
    options = settings.options
    # bash started by sshd passes ~/.bashrc over when it seems to be a shell in a shell.
    shell_level = "" if options.read_bashrc else " SHLVL=1"
    forced = f"ForceCommand {layout.bin}/login\n" if options.login_shell or options.login_lines else ""
    return f"""\
Port {settings.ssh_port}
ListenAddress {ADDRESS}
AddressFamily inet
HostKey {layout.ssh}/host_key
PidFile {layout.run}/sshd.pid
AuthorizedKeysFile {layout.ssh}/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {"yes" if _is_locked(settings.user) else "no"}
UseDNS no
PrintMotd no
PrintLastLog no
X11Forwarding no
Subsystem sftp internal-sftp
MaxSessions {options.max_sessions}
LogLevel VERBOSE
SetEnv SLURM_CONF={layout.slurm_conf} PATH={layout.bin}:{PROGRAMS_PATH} {MARK}={layout.folder}{shell_level}
{forced}{_lines(options.sshd_lines)}"""


def _ssh_config(layout: Layout, settings: Settings) -> str:
    """For people: `ssh -F FOLDER/ssh/config cluster`."""
    return f"""\
Host cluster
  HostName {ADDRESS}
  Port {settings.ssh_port}
  User {settings.user}
  IdentityFile {layout.client_key}
  IdentitiesOnly yes
  UserKnownHostsFile {layout.known_hosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
"""


def _counted_command(layout: Layout, name: str) -> str:
    real = shutil.which(name, path=PROGRAMS_PATH)
    return f"""\
#!/bin/bash
printf '%s {name} %s\\n' "$EPOCHREALTIME" "${{*//$'\\n'/ }}" >>{layout.seen}
exec {real} "$@"
"""


def _login(settings: Settings) -> str:
    """Stands in for the account's login shell, which could be changed in /etc alone."""
    shell = settings.options.login_shell or "/bin/bash"
    return f"""\
#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
internal-sftp*) exec {_SFTP_SERVER} ;;
esac
{settings.options.login_lines}
if [ -z "$SSH_ORIGINAL_COMMAND" ]; then exec {shell} -l; fi
exec {shell} -c "$SSH_ORIGINAL_COMMAND"
"""


def _is_locked(user: str) -> bool:
    """Whether sshd refuses the account unless PAM says otherwise."""
    for line in Path("/etc/shadow").read_text().splitlines():
        name, password = line.split(":")[:2]
        if name == user:
            return password.startswith("!")
    return False


def _memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _lines(lines: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write(path: Path, text: str, mode: int) -> None:
    """Written anew: a running shell may still read the older one."""
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.write_text(text)
    path.chmod(mode)

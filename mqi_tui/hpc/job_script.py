"""Renders the job script: a POSIX sh script that claims its run folder, runs the engine and writes the exit record.

The script is the same under every scheduler; only how it is started differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from shlex import quote

from mqi_tui.domain.errors import InputError
from mqi_tui.hpc.job_readings import start_of_readings

JOB_SCRIPT_NAME = "job.sh"
LOG_NAME = "simulation.log"
CLAIM_NAME = "claim"
CLAIM_PID_NAME = "pid"
DUPLICATE_EXIT_CODE = 75
"""Exit code of a job that found its attempt claimed by another one (EX_TEMPFAIL of sysexits.h)."""

_TOKEN = re.compile(r"[A-Za-z0-9._-]+")


def job_argument(token: str) -> str:
    """The word by which a job is known in its command line; raises ValueError for a token that needs quoting."""
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"a token is letters, digits, '.', '_' and '-'; found {token!r}")
    return f"mqi-job:{token}"


def render_job_script(
    *,
    token: str,
    run_folder: PurePosixPath,
    command: Sequence[str],
    raw_pattern: str,
    setup_lines: Sequence[str] = (),
    readings_command: Sequence[str] = (),
    readings_interval: float = 5.0,
) -> bytes:
    """The job script of one attempt.

    `command` is the engine's, word by word; `raw_pattern` a shell pattern relative to the run folder; `setup_lines`
    are shell lines that run before the engine (an `exit` in one ends the job with that code). While the engine
    computes, `readings_command` asks its GPU every `readings_interval` seconds; an empty one asks nothing.
    Raises InputError when a folder, a word or the pattern holds a line break or NUL.
    """
    job_argument(token)
    for what, text in [
        ("run folder", str(run_folder)),
        ("raw pattern", raw_pattern),
        *(("engine command's word", word) for word in command),
        *(("setup line", line) for line in setup_lines),
        *(("word of the GPU readings' command", word) for word in readings_command),
    ]:
        if set(text) & set("\n\r\0"):
            raise InputError(f"The {what} {text!a} holds a line break or NUL; a job script cannot carry it.")
    values = {
        "TOKEN": quote(token),
        "RUN_FOLDER": quote(str(run_folder)),
        "RAW_PATTERN": quote(raw_pattern),
        "DUPLICATE": str(DUPLICATE_EXIT_CODE),
        "SETUP_LINES": "\n".join(setup_lines),
        "COMMAND": " ".join(map(quote, command)),
        "READINGS": start_of_readings(readings_command, readings_interval) if readings_command else "",
    }
    # One pass, so that a name that looks like a placeholder stays as it is.
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], _SCRIPT).encode(errors="surrogateescape")


_SCRIPT = r"""#!/bin/sh
# The job of one attempt. Names of its own begin with mqi_, so that setup lines cannot meet them by chance.
umask 077
mqi_token=@TOKEN@
mqi_run_folder=@RUN_FOLDER@
mqi_raw_pattern=@RAW_PATTERN@
mqi_path=$PATH
cd -- "$mqi_run_folder" || exit 1

# Whoever makes the claim computes; any other job of this attempt ends here.
if ! mkdir claim; then
    echo "The claim of this attempt is taken or cannot be made; this job computes nothing." >&2
    exit @DUPLICATE@
fi
mqi_started_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
mqi_host=${SLURMD_NODENAME:-$(uname -n)}
mqi_gpu=
mqi_engine=
mqi_readings=
mqi_caught=

mqi_find_gpu() {
    # A batch system's number for the device is the host's; the others count what the job may see.
    mqi_gpu=${MQI_GPU_ID:-${SLURM_JOB_GPUS:-${CUDA_VISIBLE_DEVICES:-}}}
    command -v nvidia-smi >/dev/null 2>&1 || return 0
    # A broken driver can let it hang.
    mqi_limit=
    if command -v timeout >/dev/null 2>&1; then mqi_limit='timeout 10'; fi
    mqi_devices=$(LC_ALL=C $mqi_limit nvidia-smi -L 2>/dev/null | sed -n 's/^GPU \([0-9]*\): .*(UUID: \(.*\))$/\1 \2/p')
    case $mqi_devices in
        *"
"*) mqi_devices=$(printf '%s\n' "$mqi_devices" | grep "^${mqi_gpu%%,*} ") ;;
    esac
    if [ -n "$mqi_devices" ]; then mqi_gpu="${mqi_gpu:-${mqi_devices%% *}} ${mqi_devices#* }"; fi
}

mqi_forward() {
    mqi_caught=$1
    # A program started with & ignores INT, so both signals reach the engine as TERM.
    if [ -n "$mqi_engine" ]; then kill -s TERM "$mqi_engine" 2>/dev/null; fi
}

mqi_sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi
}

mqi_describe_raw_files() {
    mqi_count=0
    set +f
    # No field splitting: the pattern may hold spaces.
    IFS=
    for mqi_file in ./$mqi_raw_pattern; do
        [ -f "$mqi_file" ] || continue
        mqi_count=$((mqi_count + 1))
        mqi_raw_file=$mqi_file
        printf 'raw_file=%s\n' "${mqi_file#./}"
    done
    unset IFS
    [ "$mqi_count" -eq 1 ] || return 0
    mqi_size=$(wc -c <"$mqi_raw_file") && printf 'raw_size=%d\n' "$mqi_size" || return 1
    mqi_digest=$(mqi_sha256 <"$mqi_raw_file") && printf 'raw_sha256=%s\n' "${mqi_digest%% *}"
}

mqi_write_exit_record() {
    PATH=$mqi_path
    LC_ALL=C
    export PATH LC_ALL
    cd -- "$mqi_run_folder" || return 1
    {
        printf 'token=%s\n' "$mqi_token"
        printf 'exit_code=%d\n' "$1"
        printf 'started_at=%s\n' "$mqi_started_at"
        printf 'ended_at=%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
        printf 'host=%s\n' "$mqi_host"
        printf 'gpu=%s\n' "$mqi_gpu"
        mqi_describe_raw_files && printf 'end=ok\n'
    } >exit_record.new && mv -f exit_record.new exit_record
}

mqi_finish() {
    mqi_code=$?
    trap - EXIT
    trap '' TERM INT HUP
    set +eu
    if [ -n "$mqi_readings" ]; then kill -s USR1 "$mqi_readings" 2>/dev/null; fi
    mqi_write_exit_record "$mqi_code"
}

trap mqi_finish EXIT
trap 'mqi_forward 143' TERM
trap 'mqi_forward 130' INT
trap 'mqi_forward 129' HUP
printf '%s\n' "$$" >claim/pid.new && mv -f claim/pid.new claim/pid || exit 1
mqi_find_gpu
printf 'host=%s\ngpu=%s\njob=%s\n' "$mqi_host" "$mqi_gpu" "${SLURM_JOB_ID:-}" >claim/place.new &&
    mv -f claim/place.new claim/place
exec >>simulation.log 2>&1
MQI_JOB_TOKEN=$mqi_token
export MQI_JOB_TOKEN

@SETUP_LINES@

set +eu
cd -- "$mqi_run_folder" || exit 1
if [ -n "$mqi_caught" ]; then exit "$mqi_caught"; fi
@READINGS@
set -- @COMMAND@
if command -v stdbuf >/dev/null 2>&1; then set -- stdbuf -oL "$@"; fi
"$@" &
mqi_engine=$!
# A signal that came before the engine's number was known.
if [ -n "$mqi_caught" ]; then kill -s TERM "$mqi_engine" 2>/dev/null; fi
mqi_caught=
wait "$mqi_engine"
mqi_code=$?
# A signal ends `wait` before the engine ends; 127 from the next one, or bash's -1, says that its end was seen before.
while [ -n "$mqi_caught" ]; do
    mqi_caught=
    wait "$mqi_engine"
    mqi_status=$?
    case $mqi_status in 127 | -1) ;; *) mqi_code=$mqi_status ;; esac
done
exit "$mqi_code"
"""

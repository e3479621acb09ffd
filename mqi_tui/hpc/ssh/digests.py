"""Checksums computed on the far side: one command for many files, whatever is in their names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath

from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.domain.text import printable
from mqi_tui.hpc.ssh.command import Answer
from mqi_tui.hpc.ssh.errors import file_error, reason_in
from mqi_tui.hpc.ssh.shell import SshShell

_SECONDS = 3600.0
"""A large file on a busy file system takes its time."""

_TOOL = """\
LC_ALL=C
export LC_ALL
if command -v sha256sum >/dev/null 2>&1; then
    tool=sha256sum
elif command -v shasum >/dev/null 2>&1; then
    tool='shasum -a 256'
else
    echo "neither sha256sum nor shasum is installed there" >&2
    exit 3
fi
"""
_NO_TOOL = 3
# openssl uses what the processor has for it and is several times as fast; what it does not answer is asked again.
_MANY = f"""\
if command -v openssl >/dev/null 2>&1; then
    exec xargs -0 openssl dgst -sha256 -r
fi
{_TOOL}exec xargs -0 $tool --
"""
# File by file: says what is missing, and what cannot be read and why.
_EACH = f"""{_TOOL}export tool
exec xargs -0 sh -c '
set -f
for path; do
    if [ ! -e "$path" ]; then
        echo missing
    elif digest=$($tool 2>&1 <"$path"); then
        echo "$digest"
    else
        # Without quotes: its words on one line.
        printf "%s " refused $digest
        echo
    fi
done' mqi-digest 2>&1
"""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(rb"^([0-9a-f]{64}) [ *](.+)$", re.MULTILINE)


async def remote_digests(shell: SshShell, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """The hex digests of the files that are there.

    Raises PermanentError for a file that cannot be read, and where there is no tool; TransientError when the answer is
    not whole.
    """
    by_name = {str(path).encode(errors="surrogateescape"): path for path in paths}
    # Tools write some names otherwise than they are.
    plain = [name for name in by_name if not re.search(rb"[\\\r\n]", name)]
    digests: dict[PurePosixPath, str] = {}
    if plain:
        for digest, name in _LINE.findall((await _ask(shell, _MANY, plain)).stdout):
            if name in by_name:
                digests[by_name[name]] = digest.decode()
    others = [name for name, path in by_name.items() if path not in digests]
    if others:
        for name, line in zip(others, _lines(await _ask(shell, _EACH, others), len(others)), strict=True):
            first, _, rest = line.partition(" ")
            if first == "refused":
                raise file_error("read", by_name[name], reason_in(rest))
            if first != "missing":
                digests[by_name[name]] = first
    return digests


def _lines(answer: Answer, count: int) -> list[str]:
    """The lines of an answer file by file; raises TransientError unless there are `count` and each is one of a file."""
    lines = answer.stdout.decode(errors="replace").split("\n")[:-1]
    others = [line for line in lines if not _is_of_a_file(line)]
    if answer.exit_status != 0 or len(lines) != count or others:
        # A login node at its limit of processes, for one, starts no tool, and says so in the midst of the answers.
        said = printable(" ".join(others)[:300]) or f"exit code {answer.exit_status}, {len(lines)} of {count} answers"
        raise TransientError(f"The HPC does not compute all checksums now: {said}.")
    return lines


def _is_of_a_file(line: str) -> bool:
    first = line.partition(" ")[0]
    return first in {"missing", "refused"} or _DIGEST.fullmatch(first) is not None


async def _ask(shell: SshShell, script: str, names: Sequence[bytes]) -> Answer:
    async def listed() -> AsyncIterator[bytes]:
        yield b"".join(name + b"\0" for name in names)

    answer = await shell.feed(["sh", "-c", script, "mqi-digests"], listed(), _SECONDS)
    if answer.exit_status == _NO_TOOL:
        raise PermanentError(f"No checksums on the HPC: {answer.stderr.decode(errors='replace').strip()}.")
    return answer

"""The SQLite file: opened safely, one writer, transactions that are never cut in half.

Two connections: a writer behind a lock, and a read-only one, so that the screen never waits for a transaction.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiosqlite
import psutil

from mqi_tui.domain.errors import MqiError, TransientError
from mqi_tui.repositories.migrations import LATEST_VERSION, migrate

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]

BUSY_SECONDS = 10.0
"""How long a transaction waits for one of another process."""

_NETWORK_FILE_SYSTEMS = frozenset(
    {"afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre"}
    | {"ncpfs", "nfs", "nfs4", "smb", "smb2", "smb3", "smbfs"}
)
_PASSING_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


class DatabaseError(MqiError):
    """The database cannot be used as it is; the message names the file and says what to do."""


class Database:
    """Open it with `Database.open` or, to look on while another process writes, with `Database.open_read_only`."""

    def __init__(self, path: Path, reader: aiosqlite.Connection, writer: aiosqlite.Connection | None) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer
        self._writing = asyncio.Lock()
        self._transactions: set[asyncio.Task[object]] = set()
        self._revision = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Database]:
        """The database for reading and writing, made or brought to the present schema (after a backup).

        Raises DatabaseError for a file that is no database of this program or of a newer version of it, and for a
        network file system; TransientError while another process holds it or its disk is full.
        """
        await asyncio.to_thread(_prepare_file, path)
        with _sentences(path):
            async with aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None) as writer:
                await _configure(writer)
                # A power cut must not lose the row that says that a job was submitted.
                await writer.execute("PRAGMA synchronous = FULL")
                await _check_version(path, writer)
                await migrate(writer, path)
                async with _reading(path) as reader:
                    database = cls(path, reader, writer)
                    try:
                        yield database
                    finally:
                        await database._finish()

    @classmethod
    @asynccontextmanager
    async def open_read_only(cls, path: Path) -> AsyncIterator[Database]:
        """The database as another process keeps it; raises as `open` does, also for an older schema."""
        with _sentences(path):
            async with _reading(path) as reader:
                version = await _check_version(path, reader)
                if version == 0:
                    raise DatabaseError(f"{path} is just being made by the program that starts; ask again in a moment.")
                if version < LATEST_VERSION:
                    raise DatabaseError(
                        f"{path} is of an older version of mqi-tui; start the program once, which brings it up to date."
                    )
                yield cls(path, reader, None)

    @property
    def revision(self) -> int:
        """Grows with each committed transaction of this process that changed a row."""
        return self._revision

    async def read(self, query: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query, as of the last commit."""
        with _sentences(self._path):
            return list(await self._reader.execute_fetchall(query, parameters))

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` as one transaction: all of it is committed, or nothing if it raises.

        A caller that is cancelled gets its CancelledError when the transaction is over; it is never cut in half.
        """
        transaction = asyncio.create_task(self._run(work))
        self._transactions.add(transaction)
        transaction.add_done_callback(self._transactions.discard)
        try:
            return await asyncio.shield(transaction)
        except asyncio.CancelledError:
            await asyncio.wait({transaction})
            if not transaction.cancelled():
                # Nobody is left to tell: whoever cancelled the caller does not want its outcome.
                transaction.exception()
            raise

    async def _run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        writer = self._writer
        if writer is None:
            raise RuntimeError("this database was opened to look on")
        with _sentences(self._path):
            async with self._writing:
                changes = writer.total_changes
                await writer.execute("BEGIN IMMEDIATE")
                try:
                    result = await work(Transaction(writer))
                    await writer.execute("COMMIT")
                except BaseException:
                    if writer.in_transaction:
                        await writer.execute("ROLLBACK")
                    raise
                if writer.total_changes != changes:
                    self._revision += 1
                return result

    async def _finish(self) -> None:
        while self._transactions:
            await asyncio.wait(self._transactions)


class Transaction:
    """What a transaction may do; its rows are always fetched, because RETURNING commits only what was fetched."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def run(self, statement: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Run one statement; its rows, if it has any."""
        return list(await self._connection.execute_fetchall(statement, parameters))

    async def one(self, statement: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Run one statement; its first row."""
        rows = await self.run(statement, parameters)
        return rows[0] if rows else None


async def _configure(connection: aiosqlite.Connection) -> None:
    connection.row_factory = sqlite3.Row
    await connection.execute("PRAGMA foreign_keys = ON")
    await connection.execute_fetchall("PRAGMA journal_mode = WAL")


@asynccontextmanager
async def _reading(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    address = f"file:{quote(str(path))}?mode=ro"
    async with aiosqlite.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None) as reader:
        reader.row_factory = sqlite3.Row
        yield reader


async def _check_version(path: Path, connection: aiosqlite.Connection) -> int:
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    version = int(rows[0][0])
    if version > LATEST_VERSION:
        raise DatabaseError(
            f"{path} was written by a newer version of mqi-tui (schema {version}, this one knows {LATEST_VERSION}); "
            "install that version, or use another state_directory."
        )
    return version


def _prepare_file(path: Path) -> None:
    """Refuse a network file system; make the file with its rights, which SQLite gives to its companions too."""
    kind = network_file_system(path.parent)
    if kind:
        raise DatabaseError(
            f"{path} is on a network file system ({kind}), where SQLite can lose what was written; "
            "set state_directory to a folder on a local disk."
        )
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be opened: {error.strerror}; check state_directory and its rights."
        ) from None


def network_file_system(folder: Path) -> str:
    """The type of the network file system that holds the folder; empty for a local disk and where it is not known."""
    kind = _file_system_of(folder)
    return kind if kind in _NETWORK_FILE_SYSTEMS else ""


def _file_system_of(folder: Path) -> str:
    """The type of the file system that holds the folder; empty if the system does not say."""
    real = folder.resolve()
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (real, *real.parents) if place in mounts), "")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """SQLite's errors that a person can do something about, as sentences; the others are defects."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _PASSING_CODES:
            raise TransientError(
                f"the database {path} cannot be used now ({error}); check its disk and whether another program holds it"
            ) from error
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise DatabaseError(
                f"{path} is damaged or no database ({error}); put a backup in its place "
                f"({path.name}.backup-* beside it, if there is one), or move it away to begin anew."
            ) from error
        if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            raise DatabaseError(f"{path} cannot be opened ({error}); check state_directory and its rights.") from error
        raise

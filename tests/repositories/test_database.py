"""The SQLite file itself: whole transactions, one writer, rights, and what is refused."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from mqi_tui.domain.errors import TransientError
from mqi_tui.repositories import database as module
from mqi_tui.repositories.database import Database, DatabaseError, Transaction
from mqi_tui.repositories.migrations import LATEST_VERSION, MIGRATIONS
from tests.repositories.conftest import Store


async def put_event(transaction: Transaction, message: str) -> None:
    await transaction.run(
        "INSERT INTO events (at, level, message) VALUES ('2026-01-01T00:00:00+00:00', 'info', ?)", (message,)
    )


async def messages(database: Database) -> list[str]:
    return [row["message"] for row in await database.read("SELECT message FROM events ORDER BY event_id")]


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    async def work(transaction: Transaction) -> None:
        await put_event(transaction, "half")
        raise LookupError

    with pytest.raises(LookupError):
        await store.database.write(work)
    assert await messages(store.database) == []


async def test_another_tasks_failed_transaction_takes_nothing_of_ours_with_it(store: Store) -> None:
    async def ours(transaction: Transaction) -> None:
        await put_event(transaction, "ours")

    async def theirs(transaction: Transaction) -> None:
        await put_event(transaction, "theirs")
        await asyncio.sleep(0)
        raise LookupError

    results = await asyncio.gather(
        *(store.database.write(work) for work in (theirs, ours, theirs, ours)), return_exceptions=True
    )
    assert [isinstance(result, LookupError) for result in results] == [True, False, True, False]
    assert await messages(store.database) == ["ours", "ours"]


async def test_a_cancelled_caller_does_not_cut_its_transaction_in_half(store: Store) -> None:
    first_done, go_on = asyncio.Event(), asyncio.Event()

    async def work(transaction: Transaction) -> None:
        await put_event(transaction, "first")
        first_done.set()
        await go_on.wait()
        await put_event(transaction, "second")

    caller = asyncio.create_task(store.database.write(work))
    await first_done.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await messages(store.database) == ["first", "second"]


async def test_the_revision_grows_only_when_a_row_has_changed(store: Store) -> None:
    before = store.database.revision
    await store.database.write(
        lambda transaction: transaction.run("UPDATE events SET message = '' WHERE event_id = -1")
    )
    assert store.database.revision == before
    await store.database.write(lambda transaction: put_event(transaction, "news"))
    assert store.database.revision == before + 1


async def test_what_is_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "mqi-tui.db"
    async with Database.open(path) as database:
        await database.write(lambda transaction: put_event(transaction, "kept"))
    async with Database.open(path) as database:
        assert await messages(database) == ["kept"]


async def test_only_the_user_may_read_the_file_and_its_companions(store: Store) -> None:
    await store.add_case("A")
    files = list(store.path.parent.glob("mqi-tui.db*"))
    assert {path.name for path in files} >= {"mqi-tui.db", "mqi-tui.db-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_another_process_can_look_on_while_this_one_writes(store: Store) -> None:
    async with Database.open_read_only(store.path) as onlooker:
        assert await messages(onlooker) == []
        await store.database.write(lambda transaction: put_event(transaction, "news"))
        assert await messages(onlooker) == ["news"]
        with pytest.raises(RuntimeError):
            await onlooker.write(lambda transaction: put_event(transaction, "no"))


async def test_a_database_held_by_another_process_is_a_passing_trouble(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.database.write(lambda transaction: transaction.run("PRAGMA busy_timeout = 50"))
    other = sqlite3.connect(store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match=r"mqi-tui\.db cannot be used now"):
            await store.database.write(lambda transaction: put_event(transaction, "late"))
        other.execute("COMMIT")
    finally:
        other.close()
    await store.database.write(lambda transaction: put_event(transaction, "later"))
    assert await messages(store.database) == ["later"]


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 20, b"\0" * 5000])
async def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mqi-tui.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"mqi-tui\.db .*move it away"):
        async with Database.open(path):
            pass
    assert path.read_bytes() == content


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mqi-tui.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST_VERSION + 1}")
    connection.close()
    with pytest.raises(DatabaseError, match="newer version of mqi-tui"):
        async with Database.open(path):
            pass


async def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_file_system_of", lambda _: "cifs")
    with pytest.raises(DatabaseError, match=r"network file system \(cifs\).*state_directory"):
        async with Database.open(tmp_path / "mqi-tui.db"):
            pass
    assert not list(tmp_path.iterdir())


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"missing/mqi-tui\.db cannot be opened"):
        async with Database.open(tmp_path / "missing" / "mqi-tui.db"):
            pass


async def test_an_older_schema_is_brought_up_to_date_after_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mqi-tui.db"
    async with Database.open(path) as database:
        await database.write(lambda transaction: put_event(transaction, "of old"))
    _add_step(monkeypatch, "CREATE TABLE more (a TEXT) STRICT;\nINSERT INTO more VALUES ('new; and old');\n")

    with pytest.raises(DatabaseError, match="older version"):
        async with Database.open_read_only(path):
            pass
    async with Database.open(path) as database:
        assert await messages(database) == ["of old"]
        assert [row["a"] for row in await database.read("SELECT a FROM more")] == ["new; and old"]
    (backup,) = tmp_path.glob("mqi-tui.db.backup-*")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with sqlite3.connect(backup) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (LATEST_VERSION,)
        assert copy.execute("SELECT message FROM events").fetchone() == ("of old",)
    copy.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mqi-tui.db"
    async with Database.open(path):
        pass
    with monkeypatch.context() as patched:
        _add_step(patched, "CREATE TABLE more (a TEXT) STRICT;\nINSERT INTO nowhere VALUES (1);\n")
        with pytest.raises(sqlite3.OperationalError):
            async with Database.open(path):
                pass
    async with Database.open(path) as database:
        assert await database.read("SELECT name FROM sqlite_schema WHERE name = 'more'") == []


def _add_step(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr("mqi_tui.repositories.migrations.MIGRATIONS", (*MIGRATIONS, step))
    monkeypatch.setattr("mqi_tui.repositories.migrations.LATEST_VERSION", LATEST_VERSION + 1)
    monkeypatch.setattr("mqi_tui.repositories.database.LATEST_VERSION", LATEST_VERSION + 1)


async def test_a_database_that_is_just_being_made_is_not_called_old(tmp_path: Path) -> None:
    path = tmp_path / "mqi-tui.db"
    path.touch()
    with pytest.raises(DatabaseError, match="just being made"):
        async with Database.open_read_only(path):
            pass

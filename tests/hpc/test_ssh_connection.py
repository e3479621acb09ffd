"""The SSH connection: who is let in and who is trusted, one try for all, and back by itself after a loss."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from mqi_tui.config import SshSettings
from mqi_tui.domain.errors import AccessError, PermanentError, TransientError
from mqi_tui.domain.questions import ACCEPTED, Question, QuestionKind
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.connection import SshConnection
from tests.support.jobs import until
from tests.support.ssh_server import Behaviour, SshServer, ssh_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SshServer]:
    async with ssh_server(tmp_path / "server") as server:
        yield server


@asynccontextmanager
async def opened(
    settings: SshSettings, board: QuestionBoard | None = None, *, reconnect_seconds: float = 0.05
) -> AsyncIterator[SshConnection]:
    connection = SshConnection(settings, board or QuestionBoard(has_audience=True), reconnect_seconds=reconnect_seconds)
    try:
        yield connection
    finally:
        await connection.aclose()


async def asked(board: QuestionBoard) -> Question:
    """The next question."""
    await until(lambda: board.pending != (), "a question is asked")
    return board.pending[0]


def config_file(folder: Path, text: str) -> dict[str, object]:
    path = folder / "ssh_config"
    path.write_text(text)
    return {"config_files": (str(path),)}


# Host keys.


async def test_an_unknown_host_is_asked_about_once_and_then_known(server: SshServer) -> None:
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        question = await asked(board)
        assert question.kind is QuestionKind.HOST_KEY
        assert question.fingerprint == f"ED25519 {server.host_key.get_fingerprint()}"
        board.answer(question.question_id, ACCEPTED)
        await link

    assert stat.S_IMODE(server.known_hosts.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.known_hosts.parent.stat().st_mode) == 0o700
    async with opened(server.settings(), QuestionBoard()) as connection:
        await connection.link()


async def test_an_accepted_key_is_added_behind_what_is_there(server: SshServer) -> None:
    server.known_hosts.parent.mkdir()
    server.known_hosts.write_text("other ssh-ed25519 AAAA\nno line at all, and no end of it")
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        board.answer((await asked(board)).question_id, ACCEPTED)
        await link

    lines = server.known_hosts.read_text().splitlines()
    assert lines[:2] == ["other ssh-ed25519 AAAA", "no line at all, and no end of it"]
    assert lines[2].startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")


@pytest.mark.parametrize("answer", [None, "no", "", "YES"])
async def test_a_host_that_is_not_accepted_is_not_connected_to_and_not_asked_about_at_once(
    server: SshServer, answer: str | None
) -> None:
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        board.answer((await asked(board)).question_id, answer)

        with pytest.raises(TransientError, match="was not accepted"):
            await link
        with pytest.raises(TransientError, match="was not accepted"):
            await connection.link()

        assert board.pending == ()
        assert connection.unreachable_since is not None
    assert server.behaviour.logins == 0
    assert not server.known_hosts.exists()


async def test_another_key_than_the_known_one_is_refused_with_the_place_of_the_known_one(server: SshServer) -> None:
    server.known_hosts.parent.mkdir()
    server.known_hosts.write_text("# a comment\n\n")
    server.trust(key=asyncssh.generate_private_key("ssh-ed25519"))
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        with pytest.raises(PermanentError, match=rf"another host key .*{server.known_hosts} line 3"):
            await connection.link()

    assert board.pending == ()
    assert server.behaviour.logins == 0


async def test_another_key_is_refused_after_a_connection_too(server: SshServer) -> None:
    server.trust()
    async with opened(server.settings(), reconnect_seconds=60) as connection:
        await connection.link()
        server.known_hosts.unlink()
        server.trust(key=asyncssh.generate_private_key("ssh-ed25519"))
        server.cut()
        await until(lambda: connection.unreachable_since is not None, "the loss is noticed")

        with pytest.raises(PermanentError, match="another host key"):
            await connection.link()


async def test_a_config_cannot_switch_the_check_of_host_keys_off(server: SshServer, tmp_path: Path) -> None:
    text = "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n  GlobalKnownHostsFile /dev/null\n"
    settings = server.settings(**config_file(tmp_path, text))
    async with opened(settings, QuestionBoard()) as connection:
        with pytest.raises(PermanentError, match=r"is not known .*Start the program with its screen"):
            await connection.link()
    assert server.behaviour.logins == 0


async def test_the_known_hosts_of_the_config_count_as_well(server: SshServer, tmp_path: Path) -> None:
    server.trust()
    server.known_hosts.rename(tmp_path / "elsewhere")
    settings = server.settings(**config_file(tmp_path, f"UserKnownHostsFile {tmp_path}/elsewhere\n"))
    async with opened(settings, QuestionBoard()) as connection:
        await connection.link()


# Keys, passphrases, passwords, codes.


async def test_a_passphrase_is_asked_for_until_it_opens_the_key_and_is_kept(server: SshServer) -> None:
    server.trust()
    server.client_key.write_private_key(server.key_file, passphrase="open sesame", rounds=16, ignore_few_rounds=True)
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        first = await asked(board)
        assert (first.kind, first.title) == (QuestionKind.SECRET, f"Passphrase of {server.key_file}")
        board.answer(first.question_id, "wrong")
        await until(lambda: bool(board.pending) and board.pending[0] != first, "it is asked again")
        assert "does not open the key" in board.pending[0].text
        board.answer(board.pending[0].question_id, "open sesame")
        await link

        server.cut()
        await until(lambda: connection.generation == 2, "the connection stands again")
        assert board.pending == ()


async def test_a_password_is_asked_for_until_it_is_right_and_is_kept_in_memory(server: SshServer) -> None:
    server.trust()
    server.behaviour.password = "right"
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        first = await asked(board)
        assert first.title == "Password of physicist@127.0.0.1"
        board.answer(first.question_id, "wrong")
        await until(lambda: bool(board.pending) and board.pending[0] != first, "it is asked again")
        assert "was not accepted" in board.pending[0].text
        board.answer(board.pending[0].question_id, "right")
        await link

        server.cut()
        await until(lambda: connection.generation == 2, "the connection stands again")
    assert not any("right" in path.read_text(errors="replace") for path in server.folder.rglob("*") if path.is_file())


async def test_a_declined_password_lets_the_work_wait_and_does_not_ask_at_once(server: SshServer) -> None:
    server.trust()
    server.behaviour.password = "right"
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        board.answer((await asked(board)).question_id, None)

        with pytest.raises(TransientError, match="no answer was given"):
            await link
        with pytest.raises(TransientError, match="no answer was given"):
            await connection.link()
        assert board.pending == ()


async def test_a_one_time_code_is_asked_for_each_time_in_the_words_of_the_server(server: SshServer) -> None:
    server.trust()
    server.behaviour.codes = [("Token \x1b[31m: ", "123"), ("PIN: ", "9")]
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board, reconnect_seconds=0.05) as connection:
        for generation in (1, 2):
            link = asyncio.create_task(connection.link())
            for expected, answer in (("Token �[31m: ", "123"), ("PIN: ", "9")):
                await until(lambda: any(one.text == expected for one in board.pending), expected)  # noqa: B023
                board.answer(board.pending[0].question_id, answer)
            await link
            assert connection.generation == generation
            server.cut()
            await until(lambda: connection.unreachable_since is not None, "the loss is noticed")


async def test_with_nobody_to_ask_the_error_says_what_to_do(server: SshServer) -> None:
    server.trust()
    server.behaviour.password = "right"
    async with opened(server.settings(), QuestionBoard()) as connection:
        with pytest.raises(PermanentError, match=r"Password of .*: nobody can be asked.*SSH agent"):
            await connection.link()


async def test_the_time_that_a_person_takes_is_no_time_out(server: SshServer) -> None:
    server.trust()
    server.behaviour.password = "right"
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(connect_timeout_seconds=2.0), board) as connection:
        link = asyncio.create_task(connection.link())
        question = await asked(board)
        done, _ = await asyncio.wait([link], timeout=2.5)
        assert not done
        board.answer(question.question_id, "right")
        await link


async def test_an_answer_that_comes_after_the_server_gave_up_is_used_for_the_next_try(server: SshServer) -> None:
    server.trust()
    server.behaviour.password = "right"
    board = QuestionBoard(has_audience=True)
    async with opened(server.settings(), board) as connection:
        link = asyncio.create_task(connection.link())
        question = await asked(board)
        server.cut()
        with pytest.raises(TransientError, match="HPC unreachable"):
            await link

        assert board.pending == (question,)
        board.answer(question.question_id, "right")
        await until(lambda: connection.generation == 1, "the connection stands")


async def test_who_was_never_let_in_has_to_mend_something_who_was_is_let_in_again(server: SshServer) -> None:
    server.trust()
    server.behaviour.refuses = True
    async with opened(server.settings(), reconnect_seconds=0.05) as connection:
        with pytest.raises(PermanentError, match=r"physicist@127\.0\.0\.1 is not let in.*authorized_keys"):
            await connection.link()

    server.behaviour.refuses = False
    async with opened(server.settings(), reconnect_seconds=0.05) as connection:
        await connection.link()
        server.behaviour.refuses = True
        server.cut()
        await until(lambda: connection.unreachable_since is not None, "the loss is noticed")
        with pytest.raises(TransientError, match="is not let in"):
            await connection.link()

        server.behaviour.refuses = False
        await until(lambda: connection.generation == 2, "it is let in again")


# OpenSSH's configs.


async def test_a_line_of_a_config_that_cannot_be_read_is_named(server: SshServer, tmp_path: Path) -> None:
    settings = server.settings(**config_file(tmp_path, "Host *\n  Port many\n"))
    async with opened(settings) as connection:
        with pytest.raises(PermanentError, match=rf"{tmp_path}/ssh_config line 2.*hpc\.ssh\.config_files"):
            await connection.link()


async def test_a_host_is_found_by_its_name_in_a_config(server: SshServer, tmp_path: Path) -> None:
    server.trust()
    text = (
        f"Host cluster\n  HostName 127.0.0.1\n  Port {server.port}\n  User physicist\n"
        f"  IdentityFile {server.key_file}\n"
    )
    settings = server.settings(**config_file(tmp_path, text), host="cluster", port=0, user="", identity_files=())
    async with opened(settings) as connection:
        assert (await connection.link()).who == "physicist@127.0.0.1"


async def test_a_host_behind_another_is_reached_through_it_and_both_are_asked_about(
    server: SshServer, tmp_path: Path
) -> None:
    async with ssh_server(tmp_path / "inner") as inner:
        inner.client_key = server.client_key
        text = (
            f"Host gate\n  HostName 127.0.0.1\n  Port {server.port}\nHost inside\n  HostName 127.0.0.1\n"
            f"  Port {inner.port}\n  ProxyJump gate\nHost *\n  User physicist\n"
        )
        board = QuestionBoard(has_audience=True)
        settings = server.settings(**config_file(tmp_path, text), host="inside", port=0, user="")
        async with opened(settings, board) as connection:
            link = asyncio.create_task(connection.link())
            for asked_about in (server, inner):
                fingerprint = f"ED25519 {asked_about.host_key.get_fingerprint()}"
                await until(lambda: [one.fingerprint for one in board.pending] == [fingerprint], "asked")  # noqa: B023
                board.answer(board.pending[0].question_id, ACCEPTED)
            await link

            server.cut()
            await until(lambda: connection.generation == 2, "both stand again")


@pytest.mark.parametrize("text", ["ProxyJump inside\n", "Host gate\n ProxyJump inside\nHost *\n ProxyJump gate\n"])
async def test_a_way_that_leads_in_a_circle_is_refused(server: SshServer, tmp_path: Path, text: str) -> None:
    settings = server.settings(**config_file(tmp_path, text), host="inside")
    async with opened(settings) as connection:
        with pytest.raises(PermanentError, match="ProxyJump leads from inside back to it"):
            await connection.link()


async def test_a_private_key_that_is_not_there_is_named(server: SshServer) -> None:
    async with opened(server.settings(identity_files=("/no/such/key",))) as connection:
        with pytest.raises(PermanentError, match=r"no private key /no/such/key.*hpc\.ssh\.identity_files"):
            await connection.link()


# Losing it, and getting it back.


async def test_all_who_need_the_connection_share_one_try(server: SshServer) -> None:
    server.trust()
    async with opened(server.settings()) as connection:
        links = await asyncio.gather(*(connection.link() for _ in range(20)))

    assert len({id(link) for link in links}) == 1
    assert server.behaviour.logins == 1


async def test_one_who_gives_up_waiting_takes_the_try_from_nobody(server: SshServer) -> None:
    server.trust()
    async with opened(server.settings()) as connection:
        first, second = asyncio.create_task(connection.link()), asyncio.create_task(connection.link())
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).generation == 1


async def test_a_lost_connection_is_told_at_once_and_comes_back_by_itself(server: SshServer) -> None:
    server.trust()
    changes: list[datetime | None] = []
    connection = SshConnection(
        server.settings(),
        QuestionBoard(),
        on_change=lambda: changes.append(connection.unreachable_since),
        reconnect_seconds=0.05,
    )
    first = await connection.link()
    server.cut()
    await until(lambda: connection.generation == 2, "the connection stands again")
    second = await connection.link()
    await connection.aclose()

    with pytest.raises(TransientError, match=r"HPC unreachable: the connection to physicist@127\.0\.0\.1 was lost"):
        first.check()
    assert (first.generation, second.generation) == (1, 2)
    assert [since is None for since in changes] == [True, False, True]
    assert changes[1] is not None
    assert abs((datetime.now(UTC) - changes[1]).total_seconds()) < 10


async def test_a_server_that_was_away_from_the_beginning_is_found_when_it_comes(tmp_path: Path) -> None:
    async with ssh_server(tmp_path / "server") as server:
        server.trust()
        settings, key = server.settings(), server.host_key
    async with opened(settings) as connection:
        with pytest.raises(TransientError, match=r"HPC unreachable: physicist@127\.0\.0\.1: .*refused"):
            await connection.link()
        since = connection.unreachable_since
        assert since is not None

        async with ssh_server(tmp_path / "server", port=settings.port, host_key=key) as server:
            await until(lambda: connection.unreachable_since is None, "the connection stands")
            assert server.behaviour.logins == 1
            await connection.aclose()


async def test_a_failed_try_stands_for_a_moment_so_that_nobody_hammers_the_server(server: SshServer) -> None:
    server.trust()
    server.behaviour.refuses = True
    async with opened(server.settings()) as connection:
        for _ in range(20):
            with pytest.raises(PermanentError):
                await connection.link()

    assert server.behaviour.logins == 1


async def test_a_refused_login_is_tried_more_and_more_rarely(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqi_tui.hpc.ssh.connection.FAILURE_STANDS_SECONDS", 0.1)
    server.trust()
    server.behaviour.refuses = True
    async with opened(server.settings()) as connection:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            with pytest.raises(AccessError, match="is not let in"):
                await connection.link()
            await asyncio.sleep(0.01)
        # At 0, 0.1, 0.3, 0.7 and 1.5 s at the earliest.
        assert server.behaviour.logins <= 5
        server.behaviour.refuses = False
        while connection.generation == 0:
            with suppress(AccessError):
                await connection.link()
            await asyncio.sleep(0.01)


async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    settings = SshSettings(
        host="127.0.0.1", port=listener.sockets[0].getsockname()[1], config_files=(), connect_timeout_seconds=0.2
    )
    async with listener, opened(settings) as connection:
        with pytest.raises(TransientError, match=r"no answer within 0\.2 s"):
            await connection.link()


async def test_a_name_that_is_not_known_may_be_known_later(tmp_path: Path) -> None:
    async with opened(SshSettings(host="no-such-host.invalid", user="me", config_files=())) as connection:
        with pytest.raises(TransientError, match=r"HPC unreachable: me@no-such-host\.invalid: its name is not known"):
            await connection.link()


async def test_closing_ends_the_try_the_question_and_every_task(tmp_path: Path) -> None:
    async with ssh_server(tmp_path / "server", Behaviour(password="x")) as server:
        server.trust()
        board = QuestionBoard(has_audience=True)
        connection = SshConnection(server.settings(), board)
        link = asyncio.create_task(connection.link())
        await asked(board)

        await connection.aclose()

        with pytest.raises(asyncio.CancelledError):
            await link
        assert board.pending == ()
        with pytest.raises(TransientError, match="was closed"):
            await connection.link()
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not names & {"SSH connect", "SSH supervisor"}

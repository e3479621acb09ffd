"""Getting in: host keys, private keys, passphrases and passwords, with a person's answers where they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh

from mqi_tui.domain.errors import MqiError, TransientError
from mqi_tui.domain.questions import QuestionKind
from mqi_tui.domain.text import printable
from mqi_tui.hpc.local_files import in_thread
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.hpc.ssh.host_keys import HostKey

_MOST_TRIES = 3
"""How often a secret that was refused is asked for again in one try to connect."""


class DeclinedError(TransientError):
    """A person declined a question; the work waits, and is not failed by it."""


class Secrets:
    """What a person has typed, kept in memory only; each secret is asked for once, however many wait for it."""

    def __init__(self, questions: QuestionBoard) -> None:
        self._questions = questions
        self._known: dict[str, str] = {}
        self._asking: dict[str, asyncio.Task[str]] = {}

    async def get(self, name: str, title: str, text: str) -> str:
        """The secret `name`; its question goes on waiting for a person when the caller is cancelled.

        Raises DeclinedError, and PermanentError where nobody can be asked.
        """
        if name in self._known:
            return self._known[name]
        task = self._asking.get(name)
        if task is None:
            task = asyncio.create_task(self.ask(QuestionKind.SECRET, title, text), name=f"question: {title}")
            self._asking[name] = task
            task.add_done_callback(lambda done: self._answered(name, done))
        return await asyncio.shield(task)

    async def ask(self, kind: QuestionKind, title: str, text: str) -> str:
        """An answer that is not kept; raises as `get`."""
        hint = f"{title}: nobody can be asked without the screen. Use a key that needs no passphrase, or an SSH agent."
        answer = await self._questions.ask(kind, title, text, without_audience=hint)
        if answer is None:
            raise DeclinedError(f"{title}: no answer was given")
        return answer

    def forget(self, name: str) -> None:
        """The secret was refused: it is asked for again."""
        self._known.pop(name, None)

    async def aclose(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _answered(self, name: str, task: asyncio.Task[str]) -> None:
        del self._asking[name]
        if not task.cancelled() and task.exception() is None:
            self._known[name] = task.result()


class Login(asyncssh.SSHClient):
    """asyncssh's questions in one try to connect to one host, and the end of the connection."""

    def __init__(
        self,
        who: str,
        secrets: Secrets,
        *,
        locked_keys: Sequence[Path],
        limit: asyncio.Timeout,
        on_lost: Callable[[Login], None],
    ) -> None:
        """`who`: user and host for people; `limit`: ends the try, but not while a person is asked."""
        self.shown: HostKey | None = None
        """The host key that was refused for being unknown or another one."""
        self.failure: MqiError | None = None
        """Why an answer could not be given."""
        self.reason = ""
        """Why the connection ended, as far as that is known."""
        self._who = who
        self._secrets = secrets
        self._locked_keys = list(locked_keys)
        self._limit = limit
        self._seconds = (limit.when() or 0.0) - asyncio.get_running_loop().time()
        self._on_lost = on_lost
        self._passwords_tried = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self.reason = str(exc) if exc else "the other side closed it"
        self._on_lost(self)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        # Asked for keys that are not in known_hosts. A person has all the time there is, but not in here.
        self.shown = HostKey(host, port, key)
        return False

    async def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        """After the agent's keys and those without a passphrase: the next key with one."""
        while self._locked_keys and self.failure is None:
            key = await self._unlock(self._locked_keys.pop(0))
            if key is not None:
                return key
        return None

    async def password_auth_requested(self) -> str | None:
        return await self._password()

    async def kbdint_auth_requested(self) -> str | None:
        return None if self.failure else ""

    async def kbdint_challenge_received(
        self,
        name: str,
        instructions: str,
        lang: str,  # noqa: ARG002
        prompts: Sequence[tuple[str, bool]],
    ) -> Sequence[str] | None:
        """The login's own questions: a password, or a one-time code that is of use once."""
        if len(prompts) == 1 and not prompts[0][1] and "password" in prompts[0][0].lower():
            password = await self._password()
            return None if password is None else [password]
        answers = []
        for prompt, is_visible in prompts:
            kind = QuestionKind.VISIBLE if is_visible else QuestionKind.SECRET
            text = " ".join(filter(None, map(printable, (name, instructions, prompt))))
            async with self._asking():
                answers.append(await self._secrets.ask(kind, f"{self._who} asks", text))
        return None if self.failure else answers

    async def _password(self) -> str | None:
        title = f"Password of {self._who}"
        if self.failure is not None or self._passwords_tried >= _MOST_TRIES:
            return None
        text = "It is kept in memory only, until the program ends."
        if self._passwords_tried:
            self._secrets.forget(title)
            text = f"The password was not accepted. {text}"
        self._passwords_tried += 1
        async with self._asking():
            return await self._secrets.get(title, title, text)
        return None

    def password_was_refused(self) -> None:
        """The try has ended: a password that was of no use is not sent again."""
        if self._passwords_tried:
            self._secrets.forget(f"Password of {self._who}")

    async def _unlock(self, path: Path) -> asyncssh.SSHKey | None:
        title = f"Passphrase of {path}"
        text = f"For the connection to {self._who}. It is kept in memory only, until the program ends."
        for _ in range(_MOST_TRIES):
            async with self._asking():
                passphrase = await self._secrets.get(title, title, text)
                try:
                    return await in_thread(asyncssh.read_private_key, path, passphrase)
                except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
                    self._secrets.forget(title)
                    text = f"That passphrase does not open the key. {text}"
            if self.failure is not None:
                break
        return None

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """The try's time stands still meanwhile; what goes wrong is kept for whoever connects."""
        self._let_end(None)
        try:
            yield
        except (MqiError, OSError) as error:
            self.failure = error if isinstance(error, MqiError) else TransientError(str(error))
        finally:
            self._let_end(asyncio.get_running_loop().time() + self._seconds)

    def _let_end(self, when: float | None) -> None:
        # The try may be over already: an answer can come when the other side has given up.
        with suppress(RuntimeError):
            self._limit.reschedule(when)


def locked_keys(paths: Sequence[Path]) -> list[Path]:
    """Those of the private keys that need a passphrase. Blocking."""
    locked = []
    for path in paths:
        try:
            asyncssh.read_private_key(path)
        except asyncssh.KeyImportError as error:
            if str(error).startswith("Passphrase"):
                locked.append(path)
        except (OSError, asyncssh.KeyEncryptionError):
            # The usual names are tried whether there is such a key or not.
            continue
    return locked

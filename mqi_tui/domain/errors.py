"""The errors that cross module borders; whoever raises one writes a sentence that a physicist can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqi_tui.domain.status import BeamStatus


_PASSING = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "ESTALE", "ETIMEDOUT", "EHOSTDOWN", "ENOTCONN", "EAGAIN", "EBUSY")
    if hasattr(errno, name)
)


def is_passing(error: OSError) -> bool:
    """Whether a person mends it and the work goes on: a full or read-only disk, a lost network share."""
    return error.errno in _PASSING


def defect_words(error: BaseException) -> str:
    """What a person reads of an error that nobody foresaw."""
    return f"a defect in mqi-tui ({type(error).__name__}: {error})"


class MqiError(Exception):
    """Base of all errors with a sentence meant for the user."""


class ConfigError(MqiError):
    """The configuration is wrong; the message names file, key, what was found and what is expected.

    `key` is the place of the value that is wrong, empty for the file itself, and `said` the message without file and
    key. The error that stands for several has each of them in `problems`; a single one has itself.
    """

    def __init__(
        self, message: str, *, key: tuple[str, ...] = (), said: str = "", problems: tuple[ConfigError, ...] = ()
    ) -> None:
        super().__init__(message)
        self.key = key
        self.said = said or message
        self.problems = problems or (self,)

    @classmethod
    def of(cls, problems: Iterable[ConfigError]) -> ConfigError:
        """One error for all of them, a line each."""
        all_of_them = tuple(problems)
        return cls("\n".join(map(str, all_of_them)), problems=all_of_them)


class TransientError(MqiError):
    """The outside world is in the way (network, scheduler, busy database): back off and try again."""


class PermanentError(MqiError):
    """Trying again without a change would fail again: bad input or the engine's own failure.

    `resume_from` overrides the status at which a retry goes on; by default that is the state that failed.
    """

    def __init__(self, message: str, *, resume_from: BeamStatus | None = None) -> None:
        super().__init__(message)
        self.resume_from = resume_from


class InputError(PermanentError):
    """A file or folder from outside cannot be used; the message names it and says what to do."""


class AccessError(PermanentError):
    """The HPC does not let this user in, or not at a file: a person mends it. It says nothing of a job that runs."""


class JobLostError(TransientError):
    """A job is proven gone and left no exit record; the attempt is over and another may follow."""


class RequestRefusedError(MqiError):
    """A command of the user cannot be carried out in the present state; the message says why."""

"""Questions that a connection has to a person: a password, or whether a host is the right one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCEPTED = "yes"
"""The answer that accepts a host key; every other one declines it."""


class QuestionKind(StrEnum):
    SECRET = "secret"  # noqa: S105  (the name of a kind)
    """A passphrase, password or one-time code: typed behind a mask, and kept in memory at most."""
    VISIBLE = "visible"
    """An answer that may be read on the screen while it is typed."""
    HOST_KEY = "host_key"
    """Whether a host whose key is not known is the right one; the answer is `ACCEPTED`, or it is declined."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; what comes from the other side in it is text from outside."""

    question_id: int
    kind: QuestionKind
    title: str
    text: str
    fingerprint: str = ""
    """Of the host key in question, as `ssh-keygen -l` shows it."""

"""Where a connection leads: what the settings and OpenSSH's own configs say of a host and of the way to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncssh

from mqi_tui.config import SshSettings
from mqi_tui.domain.errors import PermanentError
from mqi_tui.hpc.ssh.host_keys import KnownHosts
from mqi_tui.hpc.ssh.login import locked_keys

_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_USUAL_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_HOP = re.compile(r"(?:(?P<user>.+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:]+))(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Target:
    """A host as the settings or a ProxyJump name it."""

    host: str
    port: int = 0
    """0: what the OpenSSH config says, else 22."""
    user: str = ""
    """Empty: what the OpenSSH config says, else the user here."""


@dataclass(frozen=True, slots=True)
class Route:
    """What is needed to connect to a target."""

    target: Target
    who: str
    """User and host, for people."""
    config_files: tuple[Path, ...]
    hops: tuple[Target, ...]
    known_hosts: KnownHosts
    keys: tuple[Path, ...]
    """Empty: the usual ones."""
    locked_keys: tuple[Path, ...]
    """Those of the keys that need a passphrase."""
    has_authority: bool
    """Whether known_hosts trusts an authority that signs host keys."""
    has_ciphers: bool
    """Whether the config chooses the ciphers."""


def route_to(target: Target, settings: SshSettings) -> Route:
    """Read the configs. Blocking. Raises PermanentError for what is wrong in them, with the line."""
    config_files = tuple(path for path in map(_expanded, settings.config_files) if path.is_file())
    try:
        options = asyncssh.SSHClientConnectionOptions(
            host=target.host,
            port=target.port or (),
            username=target.user or (),
            config=[str(path) for path in config_files],
            client_keys=None,
        )
    except (ValueError, OSError) as error:
        raise PermanentError(
            f"The OpenSSH config {' '.join(settings.config_files)} cannot be used: {error}; correct that line, or name "
            "other files in hpc.ssh.config_files."
        ) from error
    config = options.config
    named = cast("list[str]", config.get("UserKnownHostsFile", [])) + cast(
        "list[str]", config.get("GlobalKnownHostsFile", list(_GLOBAL_KNOWN_HOSTS))
    )
    # Keys are always checked: where a config switches that off (none, /dev/null), only our own file is left to look in.
    known_hosts = KnownHosts(_expanded(settings.known_hosts), list(map(_expanded, named)))
    known_as = options.host_key_alias or options.host
    _, authorities, _ = known_hosts.match(known_as, "", options.port)
    keys = _keys(settings, cast("list[str]", config.get("IdentityFile", [])))
    return Route(
        target=target,
        who=f"{options.username}@{options.host}",
        config_files=config_files,
        hops=tuple(_hops(cast("str | None", options.tunnel))),
        known_hosts=known_hosts,
        keys=keys,
        locked_keys=tuple(locked_keys(keys or list(map(_expanded, _USUAL_KEYS)))),
        has_authority=bool(authorities),
        has_ciphers=config.get("Ciphers") is not None,
    )


def _keys(settings: SshSettings, of_config: list[str]) -> tuple[Path, ...]:
    for name in settings.identity_files:
        if not _expanded(name).is_file():
            raise PermanentError(f"There is no private key {name}; correct hpc.ssh.identity_files.")
    return tuple(path for path in map(_expanded, settings.identity_files or of_config) if path.is_file())


def _hops(proxy_jump: str | None) -> Iterator[Target]:
    for word in (proxy_jump or "").split(","):
        if not word:
            continue
        found = _HOP.fullmatch(word.removeprefix("ssh://").rstrip("/"))
        if found is None:
            raise PermanentError(f"ProxyJump {word!a} names no host; correct the OpenSSH config.")
        yield Target(found["v6"] or found["host"], int(found["port"] or 0), found["user"] or "")


def _expanded(name: str) -> Path:
    return Path(name).expanduser()

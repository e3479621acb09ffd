"""Names that come from outside and become folders: what is allowed, and how ids are made of them."""

from __future__ import annotations

import unicodedata

from mqi_tui.domain.errors import InputError

MAX_NAME_BYTES = 255
"""Longest file name in bytes on ext4, XFS, NTFS (as UTF-8) and most network shares."""


def check_name(name: str, what: str) -> str:
    """Return `name` if it can safely be one folder name here and on the HPC.

    Raises InputError for an empty name, `.`, `..`, separators, control characters, bytes that are not UTF-8,
    or more than 255 bytes.
    """
    shown = ascii(name)
    if name in {"", ".", ".."}:
        raise InputError(f"{what} {shown} is no usable folder name; rename the folder.")
    if "/" in name or "\\" in name:
        raise InputError(f"{what} {shown} contains a path separator; rename the folder.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise InputError(f"{what} {shown} contains control or undecodable characters; rename the folder.")
    size = len(name.encode())
    if size > MAX_NAME_BYTES:
        raise InputError(
            f"{what} {name[:40]}… has {size} bytes, but a folder name holds at most {MAX_NAME_BYTES}; "
            "give the case folder a shorter name."
        )
    return name


def beam_id_of(case_id: str, beam_name: str) -> str:
    """`{case_id}_{beam_name}`, checked; raises InputError as `check_name` does."""
    check_name(case_id, "case name")
    check_name(beam_name, "beam name")
    return check_name(f"{case_id}_{beam_name}", "beam id")

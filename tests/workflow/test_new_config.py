"""A config is written where there is none: whole, private, and never over something that is there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.workflow.new_config import can_be_written, write_new_config


def test_it_is_readable_by_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "place" / "config.yaml"
    assert can_be_written(path)
    write_new_config(path, "result_path: dösen\n")
    assert path.read_text(encoding="utf-8") == "result_path: dösen\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("has_hard_links", [True, False])
@pytest.mark.parametrize("there", ["file", "folder", "dead link"])
def test_what_is_there_stays(has_hard_links: bool, there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    if there == "file":
        path.write_text("mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    before = path.lstat()
    if not has_hard_links:
        monkeypatch.setattr(os, "link", no_hard_links)
    assert not can_be_written(path)
    with pytest.raises(RequestRefusedError, match=r"config.yaml is there already; nothing was written\."):
        write_new_config(path, "other")
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


def no_hard_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_hard_links_gets_it_by_a_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_hard_links)
    path = tmp_path / "config.yaml"
    write_new_config(path, "a: b\n")
    assert path.read_text() == "a: b\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_no_file_can_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "config.yaml"
    assert not can_be_written(path)
    with pytest.raises(RequestRefusedError, match="cannot be written"):
        write_new_config(path, "other")

"""Transport ssh in a config: what it needs, and whose paths are whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import Settings, load_config
from mqi_tui.domain.errors import ConfigError


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path).settings


def refusals(folder: Path, text: str) -> list[str]:
    """The messages without the config's own path."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [line.removeprefix(f"{folder / 'config.yaml'}") for line in str(caught.value).splitlines()]


def ssh(remote_root: str = "/scratch/me/mqi", host: str = "cluster", more: str = "") -> str:
    return f"hpc:\n  transport: ssh\n  remote_root: {remote_root}\n{more}  ssh:\n    host: '{host}'\n"


def test_the_root_is_a_path_of_the_other_machine(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = load(tmp_path, ssh(f"{tmp_path}/file/below"))

    assert str(settings.remote_folder_of("C", "C_B")) == f"{tmp_path}/file/below/C/C_B"


@pytest.mark.parametrize("root", ["hpc", "./hpc", "~/hpc", "/scratch/../hpc", "C:/hpc"])
def test_a_root_that_is_not_absolute_there_is_refused(tmp_path: Path, root: str) -> None:
    assert refusals(tmp_path, ssh(root)) == [
        f":3: hpc.remote_root: found '{root}', expected an absolute path on the HPC, such as /scratch/NAME/mqi-tui, "
        "since hpc.transport is ssh."
    ]


def test_the_root_may_be_named_like_a_folder_here(tmp_path: Path) -> None:
    settings = load(tmp_path, f"result_path: {tmp_path}/a\n" + ssh(f"{tmp_path}/a"))

    assert settings.hpc.remote_root == str(settings.result_path)


def test_a_host_is_needed(tmp_path: Path) -> None:
    assert refusals(tmp_path, ssh(host="")) == [
        ":5: hpc.ssh.host: found '', expected the HPC's address, or its name in an OpenSSH config, since hpc.transport "
        "is ssh."
    ]


def test_the_python_there_is_not_that_of_this_machine(tmp_path: Path) -> None:
    assert load(tmp_path, ssh()).hpc.python == "python3"
    assert load(tmp_path, ssh(more="  python: /opt/python\n")).hpc.python == "/opt/python"


def test_keys_and_configs_are_files_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = load(tmp_path, ssh() + "    identity_files: [keys/id]\n").hpc.ssh

    assert settings.identity_files == (str(tmp_path / "keys" / "id"),)
    assert settings.config_files == (str(tmp_path / "home" / ".ssh" / "config"),)
    assert settings.known_hosts == str(tmp_path / "home" / ".ssh" / "known_hosts")

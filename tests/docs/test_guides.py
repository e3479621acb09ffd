"""What the pages for users show can be used as it stands: configs, links, and the names of settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqi_tui.config import load_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("text", CONFIGS)
def test_a_config_that_a_page_shows_is_accepted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path).lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_setting_that_a_page_names_is_one(page: Path) -> None:
    settings = re.findall(r"^##+ `?([a-z_.]+)", (ROOT / "docs" / "config.md").read_text(encoding="utf-8"), re.MULTILINE)
    sections = "|".join(sorted({setting.partition(".")[0] for setting in settings if "." in setting}))
    named = re.findall(rf"`((?:{sections})\.(?!log`)[a-z_.]+)[:`]", page.read_text(encoding="utf-8"))
    assert [name for name in named if name not in settings] == []

"""docs/config.md says what the settings say, all of them."""

from __future__ import annotations

from collections.abc import Iterator

from mqi_tui.config import Settings
from mqi_tui.config.meaning import docstrings, subsection
from mqi_tui.config.section import Section
from tools import config_reference


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for field in section.model_fields.values():
        inner = subsection(field)
        if inner is not None:
            yield from _sections(inner)


def test_the_page_is_what_the_settings_say_now() -> None:
    page = config_reference.PAGE.read_text(encoding="utf-8")
    assert page == config_reference.page(), "run `make docs`"


def test_every_setting_and_every_section_says_what_it_is() -> None:
    silent = [
        f"{section.__name__}.{name}"
        for section in _sections(Settings)
        for name, field in section.model_fields.items()
        if name not in docstrings(section) and subsection(field) is None
    ]
    assert silent == []
    assert [section.__name__ for section in _sections(Settings) if "__doc__" not in vars(section)] == []
    assert len(list(_sections(Settings))) == 13

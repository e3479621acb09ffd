"""The pictures of the guides are the snapshots of the main screens, at two sizes: they say what the screens say.

After a change of a screen, `make pictures` makes them anew; look at them before they are committed.
"""

from __future__ import annotations

import pytest

from tools.screenshots import PICTURES, differences, fresh_pictures, lines_of, stored_pictures


async def test_every_picture_says_what_its_screen_says() -> None:
    assert differences(stored_pictures(), await fresh_pictures()) == []


@pytest.mark.parametrize("name", sorted(stored_pictures()))
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    svg = (PICTURES / name).read_text(encoding="utf-8")
    for word in ("@font-face", "@import", "url(http", "href", "<image", "<script"):
        assert word not in svg


def test_a_picture_that_is_not_true_any_more_is_told() -> None:
    name, svg = next(iter(stored_pictures().items()))
    word = next(line for line in lines_of(svg) if line.strip()).split()[0]
    assert differences({name: svg.replace(word, "x" * len(word))}, {name: svg})
    assert differences({}, {name: svg}) == [f"{name}: not there"]
    assert differences({name: svg}, {}) == [f"{name}: no picture any more"]

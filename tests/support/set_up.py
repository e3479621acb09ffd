"""The set-up app on a stage, and how a test types into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mqi_tui.ui.setup.app import SetupApp
from mqi_tui.ui.setup.field_row import FieldRow
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.setup.form import FormScreen
from mqi_tui.ui.theme import DEFAULT
from tests.support.screens import SMALL, View


class SetUp(View):
    @property
    def rows(self) -> dict[str, FieldRow]:
        """By the name of the setting."""
        return {row.field.name: row for row in self.app.screen.query(FieldRow)}

    async def choose(self, place: Place) -> None:
        await self.press(str(list(Place).index(place) + 1))
        assert isinstance(self.app.screen, FormScreen)

    async def fill(self, values: Mapping[str, str]) -> None:
        """Type each value as if it were pasted."""
        for name, value in values.items():
            self.rows[name].input.value = value
        await self.pause()


@asynccontextmanager
async def set_up(path: Path, size: tuple[int, int] = SMALL, *, theme: str = DEFAULT) -> AsyncIterator[SetUp]:
    app = SetupApp(path, theme)
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        stage = SetUp(app, pilot)
        await stage.pause()
        yield stage

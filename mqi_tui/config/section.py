"""What all sections of the config have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A section of the config; left empty, it is all defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, values: object) -> object:
        return {} if values is None else values

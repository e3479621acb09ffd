"""`moqui_tps.in`, the run's input: `Key value`, one a line.

The engine takes whatever it cannot read for absent, mostly with exit code 0. So what it would ignore, cut or abort on
is refused here: its separator is the first space (a TAB or `=` hides the key), `#` starts a comment anywhere, a line of
blanks or a key without a value ends it. Keys are the same in any case, and the first of duplicates counts.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.domain.errors import InputError
from mqi_tui.domain.text import printable
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.text_files import MAX_TABLE_BYTES, at_line, quoted, read_bytes
from mqi_tui.moqui.tps_keys import KNOWN_KEYS

TPS_NAME = "moqui_tps.in"
EXPECTED_SCORER = "Dose: what the engine scores is checked, shown and reported as a dose in Gy"

_MOST_VOXELS = 2**31
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WHOLE = re.compile(r"([+-]?[0-9]{1,9})(\.0*)?")
_NO_DOSE = re.compile("LET|Track|Energy|Dij|Variance|,", re.IGNORECASE)
"""In the names of scorers of something else, and between several."""
_UNWRITABLE = frozenset({"Cc", "Cs"})


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file; `key` is empty for blank ones and comments."""

    text: str
    key: str = ""
    value: str = ""
    rest: str = ""
    """What follows the value: blanks and a comment."""


@dataclass(frozen=True, slots=True)
class TpsInput:
    """What a `moqui_tps.in` says, with its comments and the order of its lines."""

    _lines: tuple[_Line, ...]
    _name: str = field(compare=False)

    @classmethod
    def parse(cls, text: str, name: str | Path) -> TpsInput:
        """The content of a file; `name` is for the messages.

        Raises InputError with the line for anything that the engine would ignore or abort on.
        """
        lines: list[_Line] = []
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                lines.append(_parse_line(line))
            except ValueError as error:
                raise at_line(Path(name), number, f"found {quoted(line)}: {error}") from None
        return cls(tuple(lines), str(name))

    @classmethod
    def read(cls, path: Path) -> TpsInput:
        """Raises InputError for a file that cannot be read, is not UTF-8 text, or that `parse` refuses."""
        return cls.from_bytes(read_bytes(path, MAX_TABLE_BYTES), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> TpsInput:
        """The content of the file `path`; raises InputError as `read` does."""
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            found = f"found the byte 0x{data[error.start]:02x}, expected UTF-8 text"
            raise at_line(path, line, f"{found}; save the file as UTF-8") from None
        # Written under Windows; not every build takes the carriage return off the value.
        return cls.parse(text.replace("\r\n", "\n"), path)

    def render(self) -> str:
        """The file's text; that of `parse` unchanged, where no value was replaced."""
        return "\n".join(line.text for line in self._lines)

    def items(self) -> Iterator[tuple[str, str]]:
        """(key, value) in the order of the lines; of duplicates the first, as the engine sees them."""
        seen: set[str] = set()
        for line in self._lines:
            if line.key and line.key.lower() not in seen:
                seen.add(line.key.lower())
                yield line.key, line.value

    def get(self, key: str) -> str | None:
        """The value of `key` in any case; None if the file does not have it."""
        index = self._index_of(key)
        return None if index is None else self._lines[index].value

    def with_values(self, values: Mapping[str, str]) -> TpsInput:
        """A copy in which these keys have these values: in their old places, new ones at the end.

        Raises InputError for a key or value that the engine would read otherwise than it is written here.
        """
        result = self
        for key, value in values.items():
            _check_entry(self._name, key, value)
            result = result._with_value(key, value)
        return result

    def grid(self) -> DoseGrid:
        """The water phantom's voxels, from PhantomDimX and so on; the engine takes them as whole numbers.

        Raises InputError that names the key which is missing, no whole number, or out of bounds.
        """
        nx, ny, nz = (self._whole_number(f"PhantomDim{axis}", at_least=1) for axis in "XYZ")
        unit_x, unit_y, unit_z = (self._whole_number(f"PhantomUnit{axis}", at_least=1) for axis in "XYZ")
        x, y, z = (self._whole_number(f"PhantomPosition{axis}") for axis in "XYZ")
        if nx * ny * nz > _MOST_VOXELS:
            raise InputError(
                f"{self._name}: PhantomDimX, PhantomDimY and PhantomDimZ make {nx} x {ny} x {nz} voxels; "
                f"at most {_MOST_VOXELS} can be computed, so make them fewer and larger."
            )
        return DoseGrid(nx, ny, nz, (unit_x, unit_y, unit_z), (x, y, z))

    def check_scorer(self, profile: EngineProfile) -> None:
        """Raises InputError for a Scorer whose values are no dose: they would be shown in Gy.

        The public builds score deposited energy, or nothing, where there is none.
        """
        scorer = self.get("Scorer")
        if scorer is None and profile is not EngineProfile.CUSTOM:
            raise InputError(f"{self._name}: Scorer is missing, expected {EXPECTED_SCORER}.")
        if scorer is not None and not scores_dose(scorer, profile):
            raise InputError(f"{self._name}: Scorer is {quoted(scorer)}, expected {EXPECTED_SCORER}.")

    def _whole_number(self, key: str, *, at_least: int | None = None) -> int:
        expected = "a whole number" if at_least is None else f"a whole number of at least {at_least}"
        value = self.get(key)
        if value is None:
            raise InputError(
                f"{self._name}: {key} is missing, and the dose grid cannot be known without it; it needs {expected} "
                "(engine.parameters in config.yaml)."
            )
        found = _WHOLE.fullmatch(value)
        if not found or (at_least is not None and int(found[1]) < at_least):
            raise InputError(f"{self._name}: {key} is {quoted(value)}, expected {expected}.")
        return int(found[1])

    def _index_of(self, key: str) -> int | None:
        wanted = key.lower()
        return next((index for index, line in enumerate(self._lines) if line.key.lower() == wanted), None)

    def _with_value(self, key: str, value: str) -> TpsInput:
        index = self._index_of(key)
        lines = list(self._lines)
        if index is not None:
            line = lines[index]
            text = f"{line.key} {value}{line.rest}"
            lines[index] = replace(line, text=text, value=value)
        else:
            end = [] if lines[-1].text else [lines.pop()]
            lines += [_Line(f"{key} {value}", key, value), *(end or [_Line("")])]
        return replace(self, _lines=tuple(lines))


def scores_dose(scorer: str, profile: EngineProfile) -> bool:
    """Whether a value of the key Scorer names a dose; a custom engine may have one of another name."""
    if profile is EngineProfile.CUSTOM:
        return _NO_DOSE.search(scorer) is None
    return scorer.lower() == "dose"


def check_keys(keys: Iterable[str], profile: EngineProfile) -> list[str]:
    """A sentence for each key that the engine of that profile would ignore.

    A custom engine is one that only its site knows, so it may read any key.
    """
    if profile is EngineProfile.CUSTOM:
        return []
    known = {key.lower(): key for key in KNOWN_KEYS[profile]}
    return [f"{printable(key)}: {_hint(key, known)}" for key in keys if key.lower() not in known]


def _hint(key: str, known: Mapping[str, str]) -> str:
    others = [name for name, keys in KNOWN_KEYS.items() if key.lower() in map(str.lower, keys)]
    if others:
        return f"only engine.profile {' or '.join(others)} knows it"
    likely = difflib.get_close_matches(key.lower(), known, n=1)
    return f"did you mean {known[likely[0]]}?" if likely else "no key is like it"


def _parse_line(line: str) -> _Line:
    """Raises ValueError that ends a sentence on what is wrong."""
    if not line or line.startswith("#"):
        return _Line(line)
    content = line.partition("#")[0]
    if not line.strip():
        raise ValueError("a line of blanks aborts the engine; leave it empty")
    if line[0] == " ":
        raise ValueError("the key stands at the start of its line; take the blanks before it away")
    if not content.isprintable() and any(unicodedata.category(character) == "Cc" for character in content):
        raise ValueError("it holds a TAB or control character; one space parts key and value")
    key, _, value = content.partition(" ")
    value = value.strip(" ")
    if "=" in key or value.startswith("="):
        raise ValueError("the engine reads `Key value`, without `=`; one space parts key and value")
    if not _KEY.fullmatch(key):
        raise ValueError("it does not begin with a key, which is a letter, then letters, digits and _")
    if not value:
        raise ValueError(f"{key} has no value, which aborts the engine; give it one, or remove the line")
    return _Line(line, key, value, rest=line[len(content.rstrip(" ")) :])


def _check_entry(name: str, key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise InputError(f"{name}: {quoted(key)} is no key, which is a letter, then letters, digits and _.")
    place = f"{name}: {key}: the value {quoted(value)}"
    if not value.strip(" "):
        raise InputError(f"{place} is empty, which aborts the engine; give one, or leave the key out.")
    if "#" in value:
        raise InputError(f"{place} holds #, and the engine takes the rest for a comment; choose one without it.")
    if any(unicodedata.category(character) in _UNWRITABLE for character in value):
        raise InputError(f"{place} holds a line break, a TAB or another character that the file cannot hold.")
    if value != value.strip(" "):
        raise InputError(f"{place} begins or ends with a blank, which the engine would take off.")
    if value.startswith("="):
        raise InputError(f"{place} begins with =; the engine reads `Key value`, without it.")

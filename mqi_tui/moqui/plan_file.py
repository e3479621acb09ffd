"""A plan's file and the elements in it: read whole or refused with a sentence, whatever a damaged file holds."""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.text_files import quoted, read_bytes

# pydicom takes a tenth of the program's start to import, and no plan is read by then: so it is, where it is used.
if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

T = TypeVar("T")

MAX_PLAN_BYTES = 64 * 1024 * 1024
"""Some times the size of a plan with half a million spots."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BYTES = 4096
_MOST_WHOLE = 2**31 - 1

# pydicom takes a file that was cut short for one that ends. So it gets the file with one more element at the end: if
# that does not come back whole, something before it swallowed it. The element is Data Set Trailing Padding (PS3.5
# 7.2), made such that it has the same end with and without a VR: what is 'OB' and two zeros to the one reader is the
# length to the other.
_END_TAG = 0xFFFCFFFC
_END_VR = b"OB\0\0"
_END_LENGTH = int.from_bytes(_END_VR, "little") - 4
_END_VALUE = b"mqi-tui reads to here".ljust(_END_LENGTH, b"\0")
_END = b"\xfc\xff\xfc\xff" + _END_VR + _END_LENGTH.to_bytes(4, "little") + _END_VALUE

# warnings.catch_warnings changes the whole process, so two threads must not be in it at once.
_quiet = threading.Lock()


class PlanError(Exception):
    """What is wrong with a plan; the file's name is still to be said."""


def with_plan(path: Path, use: Callable[[FileDataset], T]) -> T:
    """What `use` makes of the file's dataset; can be called in threads.

    Raises InputError whatever is wrong with the file: missing, too large, cut short, no DICOM, or refused by `use`.
    """
    return with_plan_of(path, read_bytes(path, MAX_PLAN_BYTES), use)


def with_plan_of(path: Path, data: bytes, use: Callable[[FileDataset], T]) -> T:
    """As `with_plan`, for a file that has been read already."""
    try:
        with _quiet, warnings.catch_warnings():
            # They are for developers, and would be printed over the screen; what matters of them is checked here.
            warnings.simplefilter("ignore")
            return use(_parse(data))
    except InputError:
        raise
    except PlanError as error:
        raise InputError(f"{path}: {error}.") from None
    except Exception as error:  # noqa: BLE001 - pydicom converts values late and raises whatever damaged ones lead to
        kind = type(error).__name__
        raise InputError(
            f"{path} is no DICOM file, or a damaged one ({kind}: {quoted(str(error))}); export the plan again."
        ) from None


def _parse(data: bytes) -> FileDataset:
    if _DEFLATED in data[:_META_BYTES]:
        # A small file of that kind can unpack to more than the memory holds.
        raise PlanError("it is a deflated DICOM file; export the plan with another transfer syntax")
    from pydicom import dcmread  # noqa: PLC0415
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian  # noqa: PLC0415

    dataset = dcmread(io.BytesIO(data + _END))
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax not in {ImplicitVRLittleEndian, ExplicitVRLittleEndian}:
        raise PlanError(
            f"its transfer syntax is {quoted(str(syntax))}; export the plan as Explicit or Implicit VR Little Endian"
        )
    end = dataset.pop(_END_TAG, None)
    if end is None or end.value is None or not bytes(end.value).endswith(_END_VALUE):
        raise PlanError("the file is cut short or damaged; copy it again, or export the plan again")
    return dataset


def items_in(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none if it is not there; raises PlanError for what is no sequence."""
    from pydicom.sequence import Sequence as DicomSequence  # noqa: PLC0415

    value = dataset.get(keyword)
    if value is None:
        return []
    if not isinstance(value, DicomSequence):
        raise PlanError(f"{keyword} is no sequence; export the plan again")
    return list(value)


def text_in(dataset: Dataset, keyword: str) -> str:
    """A text without its padding, empty if it is not there."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def whole_in(dataset: Dataset, keyword: str) -> int | None:
    """A whole number, 0 or above; None if it is not there. Raises PlanError for any other value."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, int) or not 0 <= value <= _MOST_WHOLE:
        raise PlanError(
            f"{keyword} is {quoted(str(value))}, expected a whole number, 0 or above; export the plan again"
        )
    return int(value)


def number_in(dataset: Dataset, keyword: str) -> float | None:
    """A finite number; None if it is not there. Raises PlanError for any other value."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, float) or not math.isfinite(value):
        raise PlanError(f"{keyword} is {quoted(str(value))}, expected a number; export the plan again")
    return float(value)

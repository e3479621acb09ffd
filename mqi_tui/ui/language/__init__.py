"""The language of the screens: the texts in the code are English, the catalogues beside this file translate them.

A text is translated when it is shown, never when a module is imported: no language is chosen by then.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO, StringIO
from typing import Final, Literal

from mqi_tui.config.values import LanguageSetting
from mqi_tui.domain.text import Sentence

_CATALOGUES: Final = files(__name__)
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of them that is set tells the locale, as in every program of POSIX."""


class _Current:
    """The one language of this process; an app chooses it before it shows anything."""

    translations: gettext.NullTranslations = gettext.NullTranslations()


def choose(setting: LanguageSetting, environment: Mapping[str, str] = os.environ) -> None:
    """Show all texts in this language from now on."""
    language = of_locale(environment) if setting == "auto" else setting
    _Current.translations = catalogue(language)


def of_locale(environment: Mapping[str, str]) -> Literal["en", "ko"]:
    """The language that the variables of the locale ask for, as far as there is a catalogue for it."""
    locale = next(filter(None, map(environment.get, _LOCALE_VARIABLES)), "")
    return "ko" if locale.partition(".")[0].partition("_")[0].lower() == "ko" else "en"


def catalogue(language: Literal["en", "ko"]) -> gettext.NullTranslations:
    """The translations into the language; those into English leave every text as it is."""
    if language == "en":
        return gettext.NullTranslations()
    # Imported late: a screen in English needs no catalogue.
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    text = _CATALOGUES.joinpath(f"{language}.po").read_text(encoding="utf-8")
    compiled = BytesIO()
    write_mo(compiled, read_po(StringIO(text), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(text: str) -> str:
    """`text` in the language that was chosen. What changes in it is a {placeholder}, filled in afterwards."""
    return _Current.translations.gettext(text) if text else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The same for a text that depends on a number: `one` for 1, else `many`, where the language tells them apart."""
    return _Current.translations.ngettext(one, many, number)


def in_both(*texts: str) -> str:
    """The texts in English and in the language that was chosen, to look for what a person types."""
    translated = [_(text) for text in texts]
    return " ".join(texts if list(texts) == translated else [*texts, *translated])


def said(answer: str) -> str:
    """What the engine answers, in the language that was chosen as far as it is a Sentence."""
    if not isinstance(answer, Sentence):
        return answer
    values = {name: said(value) if isinstance(value, str) else value for name, value in answer.values.items()}
    return _(answer.template).format(**values)


def N_(text: str) -> str:  # noqa: N802  (the name that the tools know)
    """Marks a constant for the catalogue and leaves it English; who shows it calls `_` on it."""
    return text

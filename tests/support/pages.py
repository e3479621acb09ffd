"""A report's page as a browser reads it: its elements, its tables and its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
_VOID = {"meta"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    """All text inside, with that of the elements in it."""


class Page(HTMLParser):
    """Raises AssertionError for elements that are not closed in their order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert self._open == [], "elements that are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    @property
    def text(self) -> str:
        return next(element.text for element in self.elements if element.tag == "body")

    def all(self, tag: str, kind: str = "") -> list[Element]:
        """The elements with this tag (and class)."""
        return [
            element
            for element in self.elements
            if element.tag == tag and (not kind or kind in element.attributes.get("class", "").split())
        ]

    @property
    def pictures(self) -> list[ElementTree.Element]:
        """Each SVG, as an XML parser reads it."""
        parts = self.html.split("<svg ")[1:]
        return [ElementTree.fromstring("<svg " + part.partition("</svg>")[0] + "</svg>") for part in parts]  # noqa: S314

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of the first table of that class, by column title; a cell that spans several fills the first."""
        return _Tables(self.html, name).rows


class _Tables(HTMLParser):
    def __init__(self, html: str, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self._name = name
        self._state = "before"
        self._titles: list[str] = []
        self._cells: list[str] = []
        self._cell: str | None = None
        self.rows: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table" and self._state == "before" and dict(attrs).get("class") == self._name:
            self._state = "in"
        if self._state == "in" and tag in {"td", "th"}:
            self._cell = ""
        if tag == "tr":
            self._cells = []

    def handle_endtag(self, tag: str) -> None:
        if self._state != "in":
            return
        if tag == "table":
            self._state = "after"
        elif tag in {"td", "th"} and self._cell is not None:
            (self._titles if tag == "th" else self._cells).append(self._cell)
            self._cell = None
        elif tag == "tr" and self._cells:
            self.rows.append(dict(zip(self._titles, self._cells, strict=False)))

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell += data

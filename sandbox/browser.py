"""A browser small enough to read: it opens pages, fills in the forms it is served, and follows links."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests
from bs4 import BeautifulSoup, Tag


class Unexpected(AssertionError):
    """The site did something else than a person would expect; the message says what."""


@dataclass
class Form:
    """A form that posts, as it was served, with what somebody has typed and ticked."""

    action: str
    values: dict[str, str]
    #: The words beside each box, by the field's name.
    boxes: dict[str, str] = field(default_factory=dict)
    box_values: dict[str, str] = field(default_factory=dict)
    page_url: str = ""

    @classmethod
    def read(cls, tag: Tag, *, page_url: str) -> Form:
        form = cls(
            action=urljoin(page_url, str(tag.get("action") or page_url)),
            values={},
            page_url=page_url,
        )
        for control in tag.find_all(["input", "textarea", "select", "button"]):
            form._take(control, tag)
        return form

    def _take(self, control: Tag, tag: Tag) -> None:
        name, kind = str(control.get("name", "")), str(control.get("type", "text"))
        if not name or control.has_attr("disabled") or control.name == "button" or kind == "submit":
            return
        if kind in ("checkbox", "radio"):
            label = tag.find("label", attrs={"for": str(control.get("id"))})
            self.boxes[name] = label.get_text(" ", strip=True) if label else name
            self.box_values[name] = str(control.get("value", "on"))
            if control.has_attr("checked"):
                self.values[name] = self.box_values[name]
        elif control.name == "input":
            self.values[name] = str(control.get("value", ""))
        else:
            self.values[name] = control.get_text()

    def type(self, name: str, text: str) -> None:
        if name not in self.values:
            raise Unexpected(f"The form at {self.page_url} has no field “{name}”: {[*self.values]}")
        self.values[name] = text

    def tick(self, words: str) -> None:
        """Tick the box beside which these words stand."""
        names = [name for name, label in self.boxes.items() if words in label]
        if len(names) != 1:
            raise Unexpected(f"No box says “{words}”: {[*self.boxes.values()]}")
        self.values[names[0]] = self.box_values[names[0]]

    @property
    def ticked(self) -> list[str]:
        return [label for name, label in self.boxes.items() if name in self.values]


@dataclass
class Page:
    """A page as it was served."""

    url: str
    status: int
    soup: BeautifulSoup

    @property
    def heading(self) -> str:
        heading = self.soup.find("h1")
        return heading.get_text(" ", strip=True) if heading else ""

    def text(self, selector: str = "body") -> str:
        return " ".join(tag.get_text(" ", strip=True) for tag in self.soup.select(selector))

    def form(self, selector: str = "form[method=post]") -> Form:
        """The first form that the selector finds."""
        tag = self.soup.select_one(selector)
        if tag is None:
            raise Unexpected(f"{self.url} shows no form ({selector}), but: {self.text()[:400]}")
        return Form.read(tag, page_url=self.url)


class Browser:
    """One person's browser: it keeps cookies and tells servers what real ones tell them."""

    def __init__(self, *, language: str = "en") -> None:
        self.session = requests.Session()
        self.session.trust_env = False  # A proxy of the machine has no business here.
        self.session.headers.update(
            {
                "User-Agent": "Mozilla/5.0 (sandbox)",
                "Accept": "text/html,application/xhtml+xml",
                "Accept-Language": language,
            }
        )

    def open(self, url: str, *, status: int = 200) -> Page:
        headers = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
        return self._page(self.session.get(url, headers=headers, timeout=30), status)

    def submit(self, form: Form, *, status: int = 200) -> Page:
        """Send the form, and follow where the site leads."""
        place = urlsplit(form.page_url)
        headers = {
            "Origin": f"{place.scheme}://{place.netloc}",
            "Referer": form.page_url,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "navigate",
        }
        response = self.session.post(form.action, data=form.values, headers=headers, timeout=30)
        return self._page(response, status)

    def _page(self, response: requests.Response, status: int) -> Page:
        page = Page(response.url, response.status_code, BeautifulSoup(response.text, "html.parser"))
        if page.status != status:
            what = page.text("h1, .exception_value") or page.text()[:400]
            raise Unexpected(f"{page.url} answered {page.status} instead of {status}: {what}")
        return page


def press_one_click(url: str) -> int:
    """What a mail provider does for a reader who presses its button (RFC 8058): the status it gets."""
    with requests.Session() as session:
        session.trust_env = False
        body = {"List-Unsubscribe": "One-Click"}
        return session.post(url, data=body, allow_redirects=False, timeout=30).status_code

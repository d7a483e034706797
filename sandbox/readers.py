"""Somebody who signs up and confirms, for whoever needs a reader to look at."""

from __future__ import annotations

import secrets

from .browser import Browser
from .supervisor import RunningSite


def become_reader(site: RunningSite, *, path: str = "/", name: str = "Ada Byron") -> str:
    """Somebody new who has confirmed the first box of the form on that page; their address."""
    address = f"reader-{secrets.token_hex(4)}@example.org"
    browser = Browser(language="it" if path == "/it/" else "en")
    form = browser.open(site.base_url + path).form("[data-gdpr-newsletter-form]")
    form.type("email", address)
    form.type("name", name)
    form.tick(next(iter(form.boxes.values())))
    browser.submit(form)
    confirm = browser.open(site.mailbox.wait_for(address).link("/confirm/"))
    browser.submit(confirm.form())
    return address

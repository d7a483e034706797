"""Whom a campaign is for: the number keeps up with what is chosen, by keyboard, wide and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox.main_job import ADMIN
from sandbox.readers import become_reader
from sandbox.supervisor import RunningSite
from tests.e2e.conftest import what_axe_finds


@pytest.fixture
def reader(served: RunningSite) -> str:
    """Somebody who reads “La Lettera” in English."""
    return become_reader(served, name="Grace Hopper")


def test_the_number_is_counted_again_while_the_editor_chooses_by_keyboard(
    editor: Page, reader: str
):
    editor.goto(f"{ADMIN}/add/")
    reach = editor.locator(".nl-reach")
    expect(reach).to_have_attribute("role", "status")
    expect(reach).to_contain_text("Choose an address book")
    address = editor.url
    editor.get_by_label("La Lettera").focus()
    editor.keyboard.press("Space")
    expect(reach).to_contain_text(re.compile(r"Reaches (all )?[1-9]\d* reader"))
    editor.get_by_label("Italian").focus()
    editor.keyboard.press("Space")
    expect(reach).to_contain_text(re.compile(r"Reaches \d+ of [1-9]\d* reader"))
    editor.get_by_label("Joined before").focus()
    editor.keyboard.type("01012001")  # Month, day and year, as the browser asks for them.
    expect(reach).to_contain_text(re.compile(r"Reaches 0 of [1-9]\d* reader"))
    assert editor.url.split("?")[0] == address or "/edit/" in editor.url
    assert what_axe_finds(editor) == []


def test_the_editor_says_when_nothing_can_be_counted(editor: Page, reader: str):
    editor.goto(f"{ADMIN}/add/")
    editor.route("**/campaign/reach/", lambda route: route.abort())
    editor.get_by_label("La Lettera").check()
    expect(editor.locator(".nl-reach")).to_contain_text("cannot be counted at the moment")


def test_choosing_whom_it_is_for_fits_a_small_screen(editor: Page, reader: str):
    editor.set_viewport_size({"width": 375, "height": 812})
    editor.goto(f"{ADMIN}/add/")
    for control in editor.locator(".nl-audience :is(select, input, .nl-reach)").all():
        box = control.bounding_box()
        assert box is None or box["x"] + box["width"] <= 375
    assert what_axe_finds(editor) == []

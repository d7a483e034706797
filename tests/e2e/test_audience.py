"""Whom a campaign is for: the number keeps up with what is chosen, by keyboard, wide and narrow."""

from __future__ import annotations

import re
import secrets

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


@pytest.fixture
def asking(served: RunningSite) -> str:
    """The name of a book that has asked two readers for their town, and what they like."""
    name = f"Asking letter {secrets.token_hex(3)}"
    code = f"""
from wagtail.models import Site
from tests.factories import make_book, make_field, make_subscription
book = make_book(Site.objects.get(is_default_site=True), {name!r})
town = make_field(book, "Town")
likes = make_field(book, "Likes", "checkboxes", choices="Seeds\\nTools")
make_field(book, "Since", "date")
for number, answer in enumerate(("Rome", "Milan")):
    reader = make_subscription(book, f"{secrets.token_hex(3)}{{number}}@example.org")
    reader.answers = {{town.uuid: answer, likes.uuid: ["Tools"]}}
    reader.save()
"""
    served.manage("shell", "--verbosity", "0", "--command", code)
    return name


@pytest.mark.parametrize("width", [1280, 375])
def test_conditions_are_added_filled_in_and_removed_by_keyboard(
    editor: Page, asking: str, width: int
):
    editor.set_viewport_size({"width": width, "height": 900})
    editor.goto(f"{ADMIN}/add/")
    reach = editor.locator(".nl-reach")
    press = editor.keyboard.press
    editor.get_by_label(asking).focus()
    press("Space")
    expect(reach).to_contain_text("Reaches all 2 readers")
    editor.get_by_role("button", name="Add a condition").focus()
    press("Enter")
    first = editor.get_by_role("group", name="Condition 1")
    expect(first.get_by_label("Field")).to_be_focused()
    expect(first.get_by_label("Comparison")).to_be_hidden()
    editor.keyboard.type("Town")
    press("Tab")
    expect(first.get_by_label("Comparison")).to_have_value("is")
    expect(reach).to_contain_text("The condition on “Town” is not complete")
    press("Tab")
    editor.keyboard.type("Rome")
    expect(reach).to_contain_text("Reaches 1 of 2 readers")

    editor.get_by_role("button", name="Add a condition").focus()
    press("Enter")
    second = editor.get_by_role("group", name="Condition 2")
    editor.keyboard.type("Likes")
    press("Tab")
    press("Tab")
    editor.keyboard.type("Seeds")
    expect(second.get_by_label("Answer")).to_have_value("Seeds")
    expect(reach).to_contain_text("Reaches 0 of 2 readers")
    assert what_axe_finds(editor) == []
    for control in editor.locator(".nl-conditions :is(select, input, button):visible").all():
        box = control.bounding_box()
        assert box["x"] + box["width"] <= width
        assert min(box["width"], box["height"]) >= 24

    second.get_by_role("button", name="Remove condition 2").focus()
    press("Enter")
    expect(first.get_by_label("Field")).to_be_focused()
    expect(reach).to_contain_text("Reaches 1 of 2 readers")
    editor.get_by_role("button", name="Save draft").click()
    editor.wait_for_url("**/edit/**")
    editor.reload()
    expect(first.get_by_label("Answer")).to_have_value("Rome")
    expect(reach).to_contain_text("Reaches 1 of 2 readers")


def test_the_row_of_a_condition_suits_the_field_that_is_chosen(editor: Page, asking: str):
    editor.goto(f"{ADMIN}/add/")
    editor.get_by_label(asking).check()
    editor.get_by_role("button", name="Add a condition").click()
    row = editor.get_by_role("group", name="Condition 1")
    offered = row.locator(f"optgroup[label='{asking}'] option")
    values = {each.inner_text(): each.get_attribute("value") for each in offered.all()}
    others = row.locator(f"optgroup:not([label='{asking}'], [hidden])")
    expect(others).to_have_count(0)
    row.get_by_label("Field").select_option(values["Likes"])
    expect(row.get_by_label("Comparison").locator("option")).to_have_text(
        ["contains", "has been answered", "has not been answered"]
    )
    expect(row.get_by_label("Answer").locator("option")).to_have_text(
        ["Choose an answer", "Seeds", "Tools"]
    )
    row.get_by_label("Field").select_option(values["Since"])
    expect(row.get_by_label("Answer")).to_have_attribute("type", "date")
    expect(row.get_by_label("Comparison")).to_have_value("is")
    row.get_by_label("Comparison").select_option("has not been answered")
    expect(row.get_by_label("Answer")).to_be_hidden()
    expect(editor.locator(".nl-reach")).to_contain_text("Reaches 2 of 2 readers")

    editor.get_by_label(asking).uncheck()
    editor.get_by_label("La Lettera").check()
    expect(row.get_by_label("Field")).to_have_value(values["Since"])
    expect(editor.locator(".nl-reach")).to_contain_text("which is not among the chosen")

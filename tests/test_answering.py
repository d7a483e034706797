"""What is let through by an answer is what plain Python says of it, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests import factories
from wagtail_gdpr_newsletter.models import BookField, Comparison, Subscription, answering

pytestmark = pytest.mark.django_db

TEXTS = [
    "Engines",
    "ENGINES",
    "Ändern",
    "ändern",
    'Say "hi"',
    "it's",
    "100%",
    "100 percent",
    "a_b",
    "acb",
    "back\\slash",
    "back\\\\slash",
    "[brackets].*",
    "🍋",
    "🍎",
    "<b>&amp;",
    "null",
    "3",
    "true",
    "{name}",
    "%s %(x)s",
    "One\r\ntwo",
    "e\u0301",
    "é",
    "ə",
]
NUMBERS = [-2, -1.5, 0, 0.1, 2, 2.5, 10, 999999999999999]
DAYS = ["0999-12-31", "2025-12-31", "2026-01-01", "2026-11-01"]
TIMES = [
    "2026-01-01T09:59:00+00:00",
    "2026-01-01T10:00:00+00:00",
    "2026-01-01T10:00:00.500000+00:00",
    "2026-01-01T10:00:01+00:00",
]
CHOICES = ["Seeds", "seeds", "Töpfe, “klein”", 'A "pot"', "50%", "back\\slash", "🍋", "🍎"]
LISTS = [["Seeds"], ["seeds", "50%"], ["Töpfe, “klein”", 'A "pot"'], ["🍋", "back\\slash"], ["🍎"]]
#: What was answered when a field was of another type, and no answer at all.
OTHERS: list[Any] = [None, True, 3, 2.5, "3", "Seeds", ["Seeds"], ["3", "Engines"], "2026-01-01"]

KINDS = {
    "singleline": (TEXTS, TEXTS),
    "multiline": (TEXTS, TEXTS),
    "email": (TEXTS, TEXTS),
    "url": (TEXTS, TEXTS),
    "number": (NUMBERS, NUMBERS),
    "date": (DAYS, DAYS),
    "datetime": (TIMES, TIMES),
    "dropdown": (CHOICES, CHOICES),
    "radio": (CHOICES, CHOICES),
    "checkboxes": (LISTS, CHOICES),
    "multiselect": (LISTS, CHOICES),
    "checkbox": ([True], [None]),
}


def lets_through(field: BookField, comparison: str, value: Any, answer: Any) -> bool:
    """Plain Python's word; `None` is no answer, and whatever was written before is no tick."""
    is_there = answer is True if field.field_type == "checkbox" else answer is not None
    if comparison == "answered":
        return is_there
    if comparison == "not_answered":
        return not is_there
    if field.field_type in ("checkboxes", "multiselect"):
        return isinstance(answer, list) and value in answer
    kind = (int, float) if field.field_type == "number" else str
    if answer is True or not isinstance(answer, kind):
        return False
    return {
        "is": lambda: answer == value,
        "is_not": lambda: answer != value,
        "contains": lambda: value.lower() in answer.lower(),
        "at_least": lambda: answer >= value,
        "at_most": lambda: answer <= value,
    }[comparison]()


def check(field: BookField, answers: list[Any], values: list[Any]) -> None:
    readers = [
        factories.make_subscription(field.book, f"r{number}@example.org")
        for number in range(len(answers))
    ]
    for reader, answer in zip(readers, answers, strict=True):
        reader.answers = {} if answer is None else {field.uuid: answer}
    Subscription.objects.bulk_update(readers, ["answers"])
    said = {reader.pk: answer for reader, answer in zip(readers, answers, strict=True)}
    for comparison in Comparison.of(field):
        for value in values:
            matching = Subscription.objects.filter(answering(field, comparison, value))
            found = sorted(matching.values_list("pk", flat=True))
            expected = [
                pk for pk, answer in said.items() if lets_through(field, comparison, value, answer)
            ]
            assert [said[pk] for pk in found] == [said[pk] for pk in expected], (comparison, value)


@pytest.mark.parametrize("field_type", KINDS)
def test_the_database_agrees_with_plain_python(book, field_type):
    """Of all answers with all values: other letters' cases, quotes, signs of patterns, answers of another type."""
    answers, values = KINDS[field_type]
    field = factories.make_field(book, "Told", field_type, choices="\n".join(CHOICES))
    check(field, [*answers, *OTHERS], values)


@given(
    answers=st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], max_codepoint=0x7F)
            | st.sampled_from("🍋🍎“"),
            max_size=8,
        ),
        min_size=1,
        max_size=5,
    ),
    value=st.text(st.sampled_from("aB%_\\'\"[]{}().*+?^$|🍋🍎"), min_size=1, max_size=3),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_typed_is_compared_literally(book, answers, value):
    Subscription.objects.all().delete()
    BookField.objects.all().delete()
    field = factories.make_field(book, "Told")
    check(field, [*answers, value, f"x{value}y"], [value])

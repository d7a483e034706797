"""No personal value without a word on how it is shown, exported, erased and kept."""

from __future__ import annotations

import pytest
from django.apps import apps

from tests import personal_data
from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS

MODELS = [
    model
    for model in apps.get_app_config("wagtail_gdpr_newsletter").get_models(
        include_auto_created=True
    )
    if not model._meta.auto_created
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_of_every_table_is_declared(model):
    fields = {field.name for field in [*model._meta.concrete_fields, *model._meta.many_to_many]}
    assert fields == DECLARATIONS[model.__name__].fields


def test_nothing_is_declared_twice_or_without_a_table():
    assert set(DECLARATIONS) == {model.__name__ for model in MODELS}
    for declaration in DECLARATIONS.values():
        assert not set(declaration.personal) & declaration.not_personal


def test_whatever_leads_to_a_person_is_declared_personal():
    """A foreign key to a contact, or to something that has one, is about somebody."""
    for model in MODELS:
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model.__name__ in ("Contact", "Delivery"):
                assert field.name in DECLARATIONS[model.__name__].personal


def test_labels_in_logs_never_hold_an_address(db, book):
    from tests import factories

    subscription = factories.make_subscription(book, "ada@example.org", name="Ada")
    for instance in (subscription, subscription.contact):
        assert "ada" not in str(instance).lower()


def test_contacts_are_in_no_search_index():
    from wagtail.search.index import Indexed

    for name in ("Contact", "Subscription", "ConsentRecord", "Delivery", "Suppression"):
        assert not issubclass(apps.get_model("wagtail_gdpr_newsletter", name), Indexed)
    assert issubclass(apps.get_model("wagtail_gdpr_newsletter", "Campaign"), Indexed)


def test_the_guide_says_what_the_declarations_say():
    assert personal_data.written() == personal_data.table(), "run python -m tests.personal_data"

"""Somebody with a new address, who may be known under it as well."""

from __future__ import annotations

import pytest

from tests import factories
from tests.moving.steps import MY_DATA, NEW, OLD
from wagtail_gdpr_newsletter.models import Contact


@pytest.fixture
def ada(visitor, signup_page):
    visitor.join(signup_page, OLD)
    visitor.enter(OLD)
    return Contact.objects.get()


@pytest.fixture
def countess(visitor, ada, signup_page, site, send, book):
    """The same person, known under the other address, too, with a history of her own."""
    type(visitor)(visitor.run_tasks).join(signup_page, NEW)
    garden = factories.make_book(site, "Garden letter")
    factories.make_subscription(garden, NEW)
    contact = Contact.objects.get(address=NEW)
    send(factories.make_campaign(book, garden, subject="To both"))
    visitor.open(MY_DATA)
    return contact

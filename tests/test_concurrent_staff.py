"""What staff do while readers go on: no error for anybody, and nobody who leaves is forgotten."""

from __future__ import annotations

import pytest
from django.core import mail

from tests import factories
from tests.factories import join
from tests.mails import token_in
from tests.test_concurrent_rights import ROUNDS, TOO_LATE, what_must_hold
from tests.threads import (
    a_moment,
    asked_to_move,
    at_once,
    at_the_same_time,
    confirm_move,
    errors_in,
)
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    RecordedEvent,
    Subscription,
    Suppression,
    SuppressionReason,
)

pytestmark = at_the_same_time


@pytest.mark.parametrize("round", range(ROUNDS))
def test_leaving_and_confirming_while_the_book_is_deleted(book, round):
    """Nobody sees an error, and whoever has left is remembered."""
    ada, eve = join(book, "ada@example.org"), join(book, "eve@example.org")
    factories.sign_up(book, "new@example.org")
    link = token_in(mail.outbox[-1], "confirm")
    outcomes = at_once(
        a_moment(lambda: actions.delete_book(book=book)),
        a_moment(
            lambda: actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
        ),
        a_moment(lambda: actions.unsubscribe(contact=eve, books=None, origin=factories.ORIGIN)),
        a_moment(lambda: actions.confirm(token=link, origin=factories.ORIGIN)),
    )
    assert errors_in(outcomes) == []
    assert not Subscription.objects.exists()
    assert ada.suppressions.filter(scope=book.uuid, reason="withdrawal").exists()
    assert eve.suppressions.filter(scope="site", reason="withdrawal").exists()
    what_must_hold()
    for record in ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED):
        asked = ConsentRecord.objects.filter(
            contact=record.contact_id, book_uuid=book.uuid, event=RecordedEvent.REQUESTED
        )
        assert asked.exists(), "what was confirmed keeps its request"


@pytest.mark.parametrize("round", range(ROUNDS))
def test_moving_while_staff_suppress_the_address(book, site, round):
    ada = join(book, "ada@example.org")
    link = asked_to_move(ada, "countess@example.org")
    outcomes = at_once(
        a_moment(lambda: confirm_move(link)),
        a_moment(
            lambda: actions.add_suppression(
                address=Address.parse("ada@example.org"),
                site=site,
                reason=SuppressionReason.COMPLAINT,
                why="They rang up",
                user=factories.make_editor(f"dpo{round}"),
            )
        ),
    )
    assert [error for error in errors_in(outcomes) if not isinstance(error, TOO_LATE)] == []
    said = Suppression.objects.of("ada@example.org", site=site)
    assert said.filter(reason="complaint").exists()

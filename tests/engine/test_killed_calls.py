"""Workers that die while a provider answers calls for many readers each."""

from __future__ import annotations

import json
from collections import Counter

from tests import provider
from tests.engine.conftest import on_linux
from tests.provider import Manners

CALLS = 2
IN_A_CALL = 25
KILLS = 3

pytestmark = on_linux


def test_clusters_killed_during_calls_leave_those_calls_in_doubt_and_nothing_else(begin):
    with provider.serving(Manners(delay=0.1)) as here:
        site = begin(
            1000,
            DJANGO_SETTINGS_MODULE="tests.engine.api_settings",
            PROVIDER="Mailgun",
            ANYMAIL=json.dumps(here.settings),
            WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS=str(CALLS),
            WAGTAIL_GDPR_NEWSLETTER_BATCH_SIZE=str(CALLS * IN_A_CALL),
        )
        cluster = site.start_cluster()
        site.do("send", site.campaign)
        for _kill in range(KILLS):
            site.wait_for_more(4, of=lambda: len(here.calls))
            cluster.kill()
            cluster = site.start_cluster()
        report = site.wait_until_finished()
    copies = Counter(copy.metadata["delivery"] for copy in here.copies)
    ledger = report["deliveries"]
    sent = {name for name, status in ledger.items() if status == "sent"}
    unknown = {name for name, status in ledger.items() if status == "unknown"}
    assert [name for name, number in copies.items() if number > 1] == []
    assert sent | unknown == set(ledger)
    assert sent <= set(copies) <= sent | unknown
    assert len(unknown) <= KILLS * CALLS * IN_A_CALL
    assert report["counted"] == Counter(ledger.values())
    assert max(len(call.recipients) for call in here.calls) == IN_A_CALL

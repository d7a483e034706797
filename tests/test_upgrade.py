"""A site that was installed with an earlier release keeps what it has, and can go back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

APP = "wagtail_gdpr_newsletter"
#: The last migration of each earlier state of the tables.
EARLIER = ["0001_initial"]

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def migrate(name: str):
    """The models as they were after that migration."""
    executor = MigrationExecutor(connection)
    executor.migrate([(APP, name)])
    return MigrationExecutor(connection).loader.project_state([(APP, name)]).apps


@pytest.fixture
def newest():
    """Whatever happens, the tables are today's again afterwards."""
    name = max(name for app, name in MigrationExecutor(connection).loader.graph.leaf_nodes(APP))
    yield name
    migrate(name)


@pytest.mark.parametrize("earlier", EARLIER)
def test_contacts_and_their_proof_survive_an_upgrade_and_a_way_back(newest, earlier):
    old = migrate(earlier)
    site = old.get_model("wagtailcore", "Site").objects.get()
    contact = old.get_model(APP, "Contact").objects.create(
        site=site,
        address="ada@example.org",
        canonical_address="ada@example.org",
        address_digest="d" * 64,
        keyed_hash="h" * 64,
        key_id="1",
        language="en",
        link_token="0123456789abcdef" * 2,
    )
    old.get_model(APP, "ConsentRecord").objects.create(
        site=site,
        contact=contact,
        subject="h" * 64,
        subject_key_id="1",
        event="confirmed",
        occurred_at="2026-01-01T00:00:00Z",
        source="form",
        address="ada@example.org",
        address_commitment="c" * 64,
        digest="e" * 64,
    )
    upgraded = migrate(newest).get_model(APP, "Contact").objects.get()
    assert upgraded.address_since == upgraded.created_at
    for state in (migrate(newest), migrate(earlier), migrate(newest)):
        record = state.get_model(APP, "ConsentRecord").objects.get()
        assert (record.address, record.digest, record.contact.pk) == (
            "ada@example.org",
            "e" * 64,
            contact.pk,
        )


def test_a_campaign_that_was_on_its_way_goes_on_after_an_upgrade_and_a_way_back(newest):
    """What was on the wire when the site stopped is in doubt, what was claimed before that is due again."""
    old = migrate("0002_my_data")
    campaign = old.get_model(APP, "Campaign").objects.create(
        site=old.get_model("wagtailcore", "Site").objects.get(),
        subject="Spring",
        language="en",
        body="[]",
        send_status="sending",
    )
    deliveries = old.get_model(APP, "Delivery").objects
    on_the_wire = deliveries.create(
        campaign=campaign, status="claimed", attempted_at="2026-01-01T00:00:00Z"
    )
    claimed = deliveries.create(campaign=campaign, status="claimed")
    later = deliveries.create(campaign=campaign, status="pending", retry_at="2026-01-01T00:00:00Z")
    failed = deliveries.create(campaign=campaign, status="failed", error="550")
    state = migrate(newest)
    statuses = dict(state.get_model(APP, "Delivery").objects.values_list("pk", "status"))
    assert statuses == {
        on_the_wire.pk: "unknown",
        claimed.pk: "pending",
        later.pk: "pending",
        failed.pk: "failed",
    }
    ledger = state.get_model(APP, "Ledger").objects.get()
    assert (ledger.size, ledger.claimed_to) == (4, 0)
    assert ledger.tally == {"unknown": 1, "failed": 1}
    assert ledger.reasons == {"550": 1}
    state.get_model(APP, "Campaign").objects.update(send_status="paused")
    state.get_model(APP, "Delivery").objects.filter(pk=claimed.pk).update(status="cancelled")
    back = migrate("0002_my_data")
    assert back.get_model(APP, "Campaign").objects.get().send_status == "sending"
    assert back.get_model(APP, "Delivery").objects.get(pk=claimed.pk).status == "skipped"


def test_what_a_lane_has_on_the_wire_stays_its_own_over_an_upgrade(newest):
    old = migrate("0006_room_for_outcomes")
    lane = old.get_model(APP, "Lane").objects.create(
        machine="m",
        leader=1,
        process=1,
        slot=0,
        leased_until="2026-01-01T00:02:00Z",
        claimed=[3, 4, 5],
        in_flight=[4],
        looked_at="2026-01-01T00:00:00Z",
        granted_at=12.5,
    )
    upgraded = migrate(newest).get_model(APP, "Lane").objects.get(pk=lane.pk)
    looked_at = "2026-01-01T00:00:00+00:00"
    batch = {"looked_at": looked_at, "granted_at": 12.5, "deliveries": [3, 4, 5]}
    assert (upgraded.batches, upgraded.in_flight) == ([batch], [4])

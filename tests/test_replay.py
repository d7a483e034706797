"""After a restore everybody is erased again who had been (R6), and a command does what the button does."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import mail, serializers
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from tests import factories
from tests.conftest import EVERYTHING_KNOWN as ADDRESS
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    FormerLink,
    RightsRequest,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"


def test_the_command_does_the_same(everything_known, capsys):
    call_command("newsletter_erase", "ada.lovelace@bücher.example")
    assert "here: done" in capsys.readouterr().out
    assert traces_of(ADDRESS) == []
    with pytest.raises(
        CommandError, match=r"Remembered without it: had their data erased.*4 records"
    ):
        call_command("newsletter_erase", ADDRESS)
    call_command("newsletter_erase", ADDRESS, "--without-hash")
    assert not Suppression.objects.exists()
    with pytest.raises(CommandError, match="Nothing is kept"):
        call_command("newsletter_erase", ADDRESS)
    with pytest.raises(CommandError):
        call_command("newsletter_erase", "no address")
    with pytest.raises(CommandError, match="no site"):
        call_command("newsletter_erase", ADDRESS, "--site", "nowhere")
    with pytest.raises(CommandError):
        call_command("newsletter_erase")


def test_the_command_can_keep_nothing(everything_known):
    call_command("newsletter_erase", ADDRESS, "--without-hash")
    assert not Suppression.objects.exists()


@pytest.fixture
def journal(configure, tmp_path):
    path = tmp_path / "erasures.jsonl"
    configure(ERASURE_JOURNAL=str(path))
    return path


RESTORED = (Contact, Subscription, ConsentRecord, Suppression, RightsRequest)


class Backup:
    """Our tables as they were, put back as a restore puts them back."""

    def __init__(self) -> None:
        models = apps.get_app_config("wagtail_gdpr_newsletter").get_models()
        self.rows = [
            row
            for model in models
            for row in json.loads(serializers.serialize("json", model._base_manager.all()))
        ]

    def restore(self) -> None:
        ours = apps.get_app_config("wagtail_gdpr_newsletter").get_models()
        with connection.constraint_checks_disabled():
            for model in ours:
                if model in RESTORED:
                    with connection.cursor() as cursor:
                        cursor.execute(f"DELETE FROM {model._meta.db_table}")
            for row in serializers.deserialize("json", json.dumps(self.rows)):
                row.save()
        connection.check_constraints()


@pytest.mark.parametrize("remember", ["hash", "nothing"])
def test_a_restored_backup_is_clean_again_after_a_replay(
    visitor, everything_known, journal, remember, capsys
):
    """R6."""
    backup = Backup()
    visitor.erase(remember=remember)
    remembered = set(Suppression.objects.values_list("hash", "scope", "reason"))
    backup.restore()
    assert traces_of(ADDRESS)
    call_command("newsletter_erase", "--replay")
    assert "1 erasures in the journal, 1 erased again." in capsys.readouterr().out
    assert traces_of(ADDRESS, "Ada Lovelace") == []
    assert set(Suppression.objects.values_list("hash", "scope", "reason")) == remembered
    call_command("newsletter_erase", "--replay", str(journal))
    assert "0 erased again" in capsys.readouterr().out


def test_the_journal_holds_no_spelling_of_the_address(visitor, everything_known, journal):
    token = everything_known.link_token
    visitor.erase()
    line = journal.read_text()
    for spelling in ("lovelace", "bücher", "xn--bcher", token):
        assert spelling not in line.lower()


def test_whoever_came_back_is_not_erased_again(visitor, everything_known, journal, signup_page):
    visitor.erase()
    with time_machine.travel(now() + timedelta(days=30)):
        visitor.join(signup_page, ADDRESS)
        backup = Backup()
        backup.restore()
        call_command("newsletter_erase", "--replay")
        assert Subscription.objects.mailable().exists()


def test_whoever_had_been_two_is_erased_as_both(
    visitor, everything_known, journal, signup_page, book
):
    other = factories.make_subscription(book, "countess@example.com")
    backup = Backup()
    question = next(each for each in mail.outbox if each.to == ["countess@example.com"])
    visitor.open_link(question, "new-address")
    visitor.press("Yes, that is my address")
    merged = Contact.objects.get()
    assert FormerLink.objects.filter(number=other.contact.pk).exists()
    with visitor.run_tasks(execute=True):
        actions.erase(contact=merged, origin=factories.ORIGIN)
    backup.restore()
    call_command("newsletter_erase", "--replay")
    assert not Contact.objects.exists()
    assert traces_of(ADDRESS) == traces_of("countess@example.com") == []


def test_a_journal_that_cannot_be_written_stops_nobody(
    visitor, everything_known, configure, tmp_path, caplog
):
    configure(ERASURE_JOURNAL=str(tmp_path / "nowhere" / "erasures.jsonl"))
    visitor.erase()
    request = RightsRequest.objects.get(kind="erasure")
    assert (request.outcome, request.places["journal"]) == ("unfinished", "failed")
    assert "could not be written" in caplog.text
    assert not Contact.objects.exists()
    assert traces_of(ADDRESS) == []
    (tmp_path / "nowhere").mkdir()
    actions.ring_for_erasures()
    request.refresh_from_db()
    assert (request.outcome, request.places["journal"]) == ("done", "done")
    assert request.journal_line is None
    assert len((tmp_path / "nowhere" / "erasures.jsonl").read_text().splitlines()) == 1


BROKEN = [
    b"no json\n",
    b"{}\n",
    b'{"at": 1}\n',
    b"\xff\xfe\n",
    b'{"at": "2026-01-01", "site": 1, "were": 5, "keeps_hash": true, "suppressions": []}\n',
    b'{"at": "2026-01-01T00:00:00+00:00", "site": 1, "were": [[1, "ab',
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_line_is_named_and_takes_no_other_with_it(
    visitor, everything_known, journal, broken
):
    """The disk was full, or somebody meddled."""
    backup = Backup()
    journal.write_bytes(broken)
    visitor.erase()
    backup.restore()
    with pytest.raises(CommandError, match=r"erasures\.jsonl, line 1"):
        call_command("newsletter_erase", "--replay")
    assert not Contact.objects.exists()


def test_a_line_about_a_site_that_is_not_there_is_passed_over(visitor, everything_known, journal):
    backup = Backup()
    visitor.erase()
    told = json.loads(journal.read_text())
    elsewhere = json.dumps(told | {"site": 999})
    journal.write_text(f"{elsewhere}\n{json.dumps(told)}\n")
    backup.restore()
    call_command("newsletter_erase", "--replay")
    connection.check_constraints()
    assert not Contact.objects.exists()


def test_the_journal_is_for_nobody_elses_eyes(visitor, everything_known, journal):
    visitor.erase()
    assert journal.stat().st_mode & 0o077 == 0


def test_a_replay_does_what_was_done_and_takes_no_options(everything_known, journal):
    for options in (["--site", "testserver"], ["--without-hash"]):
        with pytest.raises(CommandError, match="what was done before"):
            call_command("newsletter_erase", "--replay", str(journal), *options)


def test_whoever_moved_to_an_address_that_was_erased_before_is_left_alone(
    visitor, site, book, journal
):
    older = factories.make_subscription(book, "ada@example.org")
    gone = factories.make_subscription(book, "countess@example.com")
    with visitor.run_tasks(execute=True), time_machine.travel(now() + timedelta(days=1)):
        actions.erase(contact=gone.contact, origin=factories.ORIGIN)
    with time_machine.travel(now() + timedelta(days=2)):
        with visitor.run_tasks(execute=True):
            new = Address.parse("countess@example.com")
            actions.ask_for_new_address(contact=older.contact, address=new)
        visitor.open_link(mail.outbox[-1], "new-address")
        visitor.press("Yes, that is my address")
        call_command("newsletter_erase", "--replay")
        assert Subscription.objects.mailable().exists()


def test_a_journal_has_to_be_named(everything_known, configure):
    configure(ERASURE_JOURNAL="")
    with pytest.raises(CommandError, match="ERASURE_JOURNAL"):
        call_command("newsletter_erase", "--replay")


@pytest.mark.parametrize("by", ["erasure", "command"])
def test_whoever_is_forgotten_altogether_later_is_not_remembered_by_a_replay(
    visitor, everything_known, journal, signup_page, by
):
    visitor.erase()
    with time_machine.travel(now() + timedelta(days=1)):
        if by == "erasure":
            visitor.join(signup_page, ADDRESS)
            visitor.enter(ADDRESS)
            visitor.erase(remember="nothing")
        else:
            call_command("newsletter_erase", ADDRESS, "--without-hash")
        call_command("newsletter_erase", "--replay")
    assert not Suppression.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_a_replay_restores_what_was_remembered_whatever_happened_since(
    visitor, everything_known, journal, book, signup_page
):
    """The backup is older than the person; an old list and a stranger's sign-up come before the replay."""
    actions.object_to_mail(contact=everything_known, origin=factories.ORIGIN)
    visitor.erase()
    Suppression.objects.all().delete()
    with time_machine.travel(now() + timedelta(hours=1)):
        factories.make_subscription(book, ADDRESS)
        visitor.fill_and_post(signup_page, email=ADDRESS)
        call_command("newsletter_erase", "--replay")
    assert Suppression.objects.filter(reason="objection").exists()
    assert not Subscription.objects.mailable().exists()


def test_a_replay_leaves_whoever_had_a_former_address_alone(visitor, site, book, journal):
    ada = factories.make_subscription(book, "ada@example.org").contact
    with visitor.run_tasks(execute=True):
        new = Address.parse("countess@example.com")
        actions.ask_for_new_address(contact=ada, address=new)
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press("Yes, that is my address")
    bob = factories.make_subscription(book, "ada@example.org", name="Bob").contact
    with visitor.run_tasks(execute=True), time_machine.travel(now() + timedelta(hours=1)):
        actions.erase(contact=ada, origin=factories.ORIGIN)
    call_command("newsletter_erase", "--replay")
    assert Contact.objects.get() == bob


def test_an_erasure_that_did_not_happen_is_in_no_journal(everything_known, journal, monkeypatch):
    """A replay would erase somebody who got an error and stayed."""
    from django.db import DatabaseError

    def fails(self) -> None:
        raise DatabaseError

    monkeypatch.setattr(Contact, "delete", fails)
    with pytest.raises(DatabaseError):
        actions.erase(contact=everything_known, origin=factories.ORIGIN)
    assert not journal.exists()
    assert Contact.objects.exists()

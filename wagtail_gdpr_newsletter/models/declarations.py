"""What personal data the package keeps: the one place that says how each is shown, exported, erased, kept.

Every field of every table is named here, as personal or as not; a test walks the models and fails
on one that is missing. The stories about access, erasure and retention read these declarations.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .declaring import Declaration, Erasure, Kept, Personal


def _not(names: str) -> frozenset[str]:
    return frozenset(names.split())


_GOES = (Erasure.DELETE, Kept.WITH_CONTACT)
_ANSWERS = (Erasure.DELETE, Kept.ANSWERS)
_PROOF = (Erasure.STRIP, Kept.AS_PROOF)
_CLIENT = (Erasure.STRIP, Kept.CLIENT)
_LEDGER = (Erasure.DETACH, Kept.AS_PROOF)
_REGISTER = (Erasure.DETACH, Kept.REGISTER)
_BRIEFLY = (Erasure.DELETE, Kept.BRIEFLY)
_IMPORTED = (Erasure.DELETE, Kept.A_MONTH)
_WAITING = (Erasure.DELETE, Kept.BRIEFLY_IMPORT)
_SESSION = (Erasure.DELETE, Kept.SESSION)

DECLARATIONS: dict[str, Declaration] = {
    "Contact": Declaration(
        _("Your details"),
        {
            "address": Personal(_("e-mail address"), *_GOES),
            "canonical_address": Personal(_("e-mail address, normalised"), *_GOES, shown=False),
            "address_digest": Personal(_("digest of the address"), *_GOES, shown=False),
            "keyed_hash": Personal(_("keyed hash of the address"), *_GOES, shown=False),
            "name": Personal(_("name"), *_GOES),
            "language": Personal(_("language"), *_GOES),
            "restricted": Personal(_("restricted"), *_GOES),
            "link_token": Personal(_("token in your links"), *_GOES, shown=False, exported=False),
            "created_at": Personal(_("known since"), *_GOES),
            "address_since": Personal(_("at this address since"), *_GOES),
            "confirmation_rests_until": Personal(
                _("no confirmation mail before"), *_GOES, shown=False
            ),
        },
        _not("id site key_id confirmations_in_doubt"),
        whose=("pk",),
    ),
    "FormerLink": Declaration(
        _("Links of an address of yours that was merged"),
        {
            "contact": Personal(_("contact"), *_GOES, shown=False, exported=False),
            "link_token": Personal(_("token in your links"), *_GOES, shown=False, exported=False),
            "number": Personal(_("former number"), *_GOES, shown=False),
            "subject": Personal(_("keyed hash of the address"), *_GOES, shown=False),
        },
        _not("id subject_key_id"),
        whose=("contact",),
    ),
    "Subscription": Declaration(
        _("Your newsletters"),
        {
            "contact": Personal(_("contact"), *_GOES, shown=False),
            "book": Personal(_("newsletter"), *_GOES),
            "status": Personal(_("status"), *_GOES),
            "basis": Personal(_("legal basis"), *_GOES),
            "statement": Personal(_("what you agreed to"), *_GOES),
            "previous_status": Personal(_("status before the last request"), *_GOES, shown=False),
            "previous_statement": Personal(_("what you had agreed to before"), *_GOES, shown=False),
            "mail_wanted_at": Personal(_("confirmation mail owed since"), *_GOES, shown=False),
            "requested_at": Personal(_("asked for on"), *_GOES),
            "confirmed_at": Personal(_("confirmed on"), *_GOES),
            "opted_in": Personal(_("confirmed by a link since you last left"), *_GOES, shown=False),
            "unsubscribed_at": Personal(_("left on"), *_GOES),
            "brought_by": Personal(_("where we have your address from"), *_GOES),
            "proven_by": Personal(_("where your proof is from"), *_GOES, shown=False),
            "answers": Personal(_("your answers"), *_ANSWERS),
            "asked_answers": Personal(
                _("answers that nobody has confirmed"), *_ANSWERS, shown=False
            ),
        },
        _not("id created_at"),
        whose=("contact",),
    ),
    "ConsentRecord": Declaration(
        _("Proof of your consent"),
        {
            "contact": Personal(_("contact"), *_LEDGER, shown=False),
            "subject": Personal(
                _("keyed hash of the address"), Erasure.REKEY, Kept.AS_PROOF, shown=False
            ),
            "event": Personal(_("what happened"), *_LEDGER),
            "occurred_at": Personal(_("when"), *_LEDGER),
            "book_uuid": Personal(_("for which newsletter"), *_LEDGER),
            "statement": Personal(_("the text you saw"), *_LEDGER),
            "page_url": Personal(_("on which page"), *_LEDGER),
            "source": Personal(_("by which way"), *_LEDGER),
            "message_id": Personal(_("number of the confirmation mail"), *_LEDGER),
            "mail_version": Personal(_("wording of the confirmation mail"), *_LEDGER),
            "import_uuid": Personal(_("number of the import"), *_LEDGER, shown=False),
            "address": Personal(_("e-mail address at that time"), *_PROOF),
            "address_salt": Personal(_("salt"), *_PROOF, shown=False),
            "ip": Personal(_("IP address"), *_CLIENT),
            "user_agent": Personal(_("browser"), *_CLIENT),
            "client_salt": Personal(_("salt"), *_CLIENT, shown=False),
            # What shows that the record is the one that was written.
            "uuid": Personal(_("number of the record"), *_LEDGER, shown=False),
            "block_id": Personal(_("number of the form"), *_LEDGER, shown=False),
            "address_commitment": Personal(_("seal of the address"), *_LEDGER, shown=False),
            "client_commitment": Personal(_("seal of the connection"), *_LEDGER, shown=False),
            "digest": Personal(_("seal of the record"), *_LEDGER, shown=False),
        },
        _not("id site subject_key_id"),
        whose=("contact",),
    ),
    "Delivery": Declaration(
        _("Newsletters sent to you"),
        {
            "contact": Personal(_("contact"), *_LEDGER, shown=False),
            "second_copy_of": Personal(_("contact of a second copy"), *_LEDGER, shown=False),
            "campaign": Personal(_("newsletter"), *_LEDGER),
            "books": Personal(_("because you receive"), *_LEDGER),
            "status": Personal(_("outcome"), *_LEDGER),
            "sent_at": Personal(_("sent on"), *_LEDGER),
            # In the Message-ID of the mail: campaign, full stop, number.
            "id": Personal(_("number"), *_LEDGER, shown=False),
            "message_id": Personal(
                _("message number at the provider"), Erasure.STRIP, Kept.AS_PROOF, shown=False
            ),
            "error": Personal(_("what the server said"), *_LEDGER),
        },
        _not("attempts retry_at"),
        whose=("contact", "second_copy_of"),
    ),
    "DeliveryEvent": Declaration(
        _("What became of them"),
        {
            "delivery": Personal(_("newsletter"), *_LEDGER),
            "type": Personal(_("what happened"), *_LEDGER),
            "reason": Personal(_("reason"), *_LEDGER),
            "occurred_at": Personal(_("when"), *_LEDGER),
        },
        _not("id event_id received_at"),
        whose=("delivery__contact", "delivery__second_copy_of"),
    ),
    "RightsRequest": Declaration(
        _("What you asked of us"),
        {
            "contact": Personal(_("contact"), *_REGISTER, shown=False),
            "subject": Personal(
                _("keyed hash of the address"), Erasure.REKEY, Kept.REGISTER, shown=False
            ),
            "kind": Personal(_("what"), *_REGISTER),
            "source": Personal(_("by which way"), *_REGISTER),
            "received_at": Personal(_("when"), *_REGISTER),
            "due_on": Personal(_("to be done by"), *_REGISTER),
            "settled_at": Personal(_("done on"), *_REGISTER),
            "outcome": Personal(_("outcome"), *_REGISTER),
            "address": Personal(
                _("address, until an erasure is finished"),
                Erasure.STRIP,
                Kept.REGISTER,
                shown=False,
            ),
        },
        _not("id site subject_key_id places settled_by journal_line"),
        whose=("contact",),
    ),
    "ServiceMail": Declaration(
        _("Other mails for you"),
        {
            "contact": Personal(_("contact"), *_BRIEFLY, shown=False),
            "kind": Personal(_("what"), *_BRIEFLY),
            "address": Personal(_("to which other address"), *_BRIEFLY),
            "address_digest": Personal(_("digest of the address"), *_BRIEFLY, shown=False),
            "text": Personal(_("text"), *_BRIEFLY),
            "wanted_at": Personal(_("asked for on"), *_BRIEFLY),
            # Would tell of a foreign mailbox whether it wants mail of ours.
            "attempted_at": Personal(_("tried on"), *_BRIEFLY, shown=False, exported=False),
            "sent_at": Personal(_("sent on"), *_BRIEFLY),
            "spent_at": Personal(_("link used on"), *_BRIEFLY),
            "message_id": Personal(_("message number"), *_BRIEFLY, shown=False),
        },
        _not("id rests_until"),
        whose=("contact",),
    ),
    "AskedMailbox": Declaration(
        _("That your mailbox was asked about a new address"),
        {
            "hash": Personal(_("keyed hash of the address"), *_BRIEFLY, shown=False),
            "asked_at": Personal(_("each time"), *_BRIEFLY, shown=False),
            "last_asked_at": Personal(_("last on"), *_BRIEFLY),
        },
        _not("id site key_id"),
    ),
    "AccessSession": Declaration(
        _("Browsers in which your data are open"),
        {
            "contact": Personal(_("contact"), *_SESSION, shown=False),
            "key_digest": Personal(_("digest of the key"), *_SESSION, shown=False, exported=False),
            "opened_at": Personal(_("since"), *_SESSION),
        },
        _not("id"),
        whose=("contact",),
    ),
    "Suppression": Declaration(
        _("That you get no mail from us"),
        {
            "hash": Personal(
                _("keyed hash of the address"), Erasure.REKEY, Kept.SUPPRESSION, shown=False
            ),
            "scope": Personal(_("for which newsletter"), Erasure.DETACH, Kept.SUPPRESSION),
            "reason": Personal(_("reason"), Erasure.DETACH, Kept.SUPPRESSION),
            "month": Personal(_("since"), Erasure.DETACH, Kept.SUPPRESSION),
        },
        _not("id site key_id purge_on"),
    ),
    "LeftOutRow": Declaration(
        _("Rows of files that we did not take"),
        {
            "cells": Personal(_("what stood in the row"), *_IMPORTED),
            "outcome": Personal(_("why it was not taken"), *_IMPORTED),
            "address_digest": Personal(_("digest of the address"), *_IMPORTED, shown=False),
        },
        _not("id contact_import line fault"),
    ),
    "ImportPart": Declaration(
        _("Rows of files that wait to be imported"),
        # Many people's at once, and gone when they are taken: of each only the reader's own row is told.
        {
            "rows": Personal(_("what stands in them"), *_WAITING),
            "local_marks": Personal(
                _("digests of addresses"), *_WAITING, shown=False, exported=False
            ),
            "marks": Personal(_("digests of addresses"), *_WAITING, shown=False, exported=False),
        },
        _not("id contact_import is_checked has_leavers twice counts"),
    ),
    # What follows is about the sender and the editors' texts, not about readers.
    "SenderSettings": Declaration(
        _("Newsletter sender"),
        {},
        _not("id site name postal_address email phone data_protection_officer")
        | _not("supervisory_authority mail_provider privacy_page imprint_page from_name")
        | _not("from_address logo accent_color per_second per_hour per_day connections"),
    ),
    "AddressBook": Declaration(
        _("Address books"), {}, _not("id uuid site name description ask_name created_at")
    ),
    "BookField": Declaration(
        _("Fields of address books"),
        {},
        _not("id sort_order book uuid clean_name label field_type required choices help_text")
        | _not("purpose"),
    ),
    "ConsentWording": Declaration(
        _("Consent wordings"), {}, _not("id sort_order book language label notice")
    ),
    "WordingVersion": Declaration(
        _("Wording versions"),
        {},
        _not("id book book_uuid book_name number material created_at created_by"),
    ),
    "ConsentStatement": Declaration(
        _("Consent statements"),
        {},
        _not("id version language book_name description label notice digest stated_in"),
    ),
    "ContactImport": Declaration(
        _("Imports"),
        {},
        _not("id uuid site kind book book_uuid status created_at created_by started_at finished_at")
        | _not("file_name file_digest encoding delimiter headers size columns profile language")
        | _not("month_first time_zone reason basis told told_where told_when document statement")
        | _not("ground source is_inviting counts"),
    ),
    "ProofDocument": Declaration(
        _("Documents of proof"), {}, _not("id name content_type content digest added_at")
    ),
    "Campaign": Declaration(
        _("Campaigns"),
        {},
        _not("id uuid site subject preheader language body books send_status trouble")
        | _not("only_languages joined_from joined_before received not_received only_answers")
        | _not(
            "send_at scheduled_by sending_started_at sending_finished_at live has_unpublished_changes"
        )
        | _not("first_published_at last_published_at go_live_at expire_at expired locked")
        | _not("locked_at locked_by live_revision latest_revision"),
    ),
    "Ledger": Declaration(
        _("Ledgers"),
        {},
        _not(
            "campaign writer_until written_to size is_complete claimed_to rests_until refusals served_at"
        )
        | _not("quiet_until tally reasons doubts_left_at"),
    ),
    "Lane": Declaration(
        _("Lanes"),
        {},
        _not("id machine leader process slot campaign connections started_at leased_until")
        | _not("batches in_flight commits tally reasons"),
    ),
    "Pace": Declaration(_("Paces"), {}, _not("site granted")),
    "FrozenMessage": Declaration(
        _("Frozen messages"),
        {},
        _not("id campaign revision subject html text fields from_header reply_to audience digest")
        | _not("frozen_at frozen_by"),
    ),
}

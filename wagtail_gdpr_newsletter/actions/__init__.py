"""The stories, one file each. Each verb takes keywords and models, never a request."""

from .access import (
    NotNow,
    ask_by_address,
    ask_by_link,
    ask_for,
    close,
    form_key,
    mail_access_link,
    may_open_directly,
    open_by_link,
    open_directly,
    read_link,
    session_of,
)
from .adding import CannotAdd, Newcomer, add_with_proof, ask_to_confirm
from .answering import (
    Change,
    answers_form,
    answers_in_words,
    books_that_ask,
    consequences_for_answers,
    correct_answers,
    forget_answers,
    hold_fields,
    reasons_against_removing,
)
from .book_deletion import (
    CannotBeDeleted,
    consequences_of_deleting,
    delete_book,
    reasons_against_deleting,
)
from .campaigns import (
    AlreadySent,
    CannotSend,
    digest_of_newest,
    run_lane,
    send_campaign,
    tend_campaigns,
    unschedule_campaign,
)
from .confirmation_mail import ring_for_confirmations, send_confirmation
from .disclosure import disclose
from .download import as_zip
from .elsewhere import Told, keep_document
from .erasure import erase, forget_traces, mark_done_at_provider, ring_for_erasures, traces
from .erasure import replay as replay_erasures
from .erasure_journal import BrokenJournal
from .erasure_journal import read as read_journal
from .events import ProviderEvent, take_event
from .evidence_sheet import books_with_evidence, can_print, print_evidence, print_traces
from .exporting import TooMany, export_contacts
from .growth import Growth, Period, Step, growth_of
from .heartbeat import campaigns_are_left_alone, worker_is_missing
from .import_report import export_left_out
from .import_work import tend_imports, work_on_import
from .importing import (
    CannotImport,
    cancel_import,
    check_import,
    examples_of,
    invite_imported,
    read_import,
    reasons_against_checking,
    start_import,
    undo_import,
)
from .inviting import may_be_invited
from .lookup import look_up
from .message import mark_as_answered, write_to_sender
from .progress import Progress, describe_limits, describe_transport, progress_of
from .readiness import newest, reasons_against_sending
from .rectification import SomethingElse, ask_for_new_address, awaiting_move, correct, move
from .restriction import (
    CannotBeLifted,
    has_objected,
    object_to_mail,
    restrict,
    restricted_by_reader,
    withdraw_objection,
)
from .retention import purge
from .service_mail import ring_for_service_mails, send_service_mail
from .signup import (
    awaiting_confirmation,
    confirm,
    confirmed_before,
    join,
    sign_up,
)
from .staff_log import note_export, note_list
from .steering import (
    cancel_campaign,
    leave_in_doubt,
    pause_campaign,
    resume_campaign,
    send_again_in_doubt,
)
from .suppressing import (
    ADDED_BY_STAFF,
    add_suppression,
    check_suppressions,
    count_suppressions,
    lift_bounce,
)
from .timeline import timeline_of
from .trial import send_test
from .unsubscription import resubscribe, unsubscribe
from .wording import version_wording, version_wordings_of_site

__all__ = [
    "ADDED_BY_STAFF",
    "AlreadySent",
    "BrokenJournal",
    "CannotAdd",
    "CannotBeDeleted",
    "CannotBeLifted",
    "CannotImport",
    "CannotSend",
    "Change",
    "Growth",
    "Newcomer",
    "NotNow",
    "Period",
    "Progress",
    "ProviderEvent",
    "SomethingElse",
    "Step",
    "Told",
    "TooMany",
    "add_suppression",
    "add_with_proof",
    "answers_form",
    "answers_in_words",
    "as_zip",
    "ask_by_address",
    "ask_by_link",
    "ask_for",
    "ask_for_new_address",
    "ask_to_confirm",
    "awaiting_confirmation",
    "awaiting_move",
    "books_that_ask",
    "books_with_evidence",
    "campaigns_are_left_alone",
    "can_print",
    "cancel_campaign",
    "cancel_import",
    "check_import",
    "check_suppressions",
    "close",
    "confirm",
    "confirmed_before",
    "consequences_for_answers",
    "consequences_of_deleting",
    "correct",
    "correct_answers",
    "count_suppressions",
    "delete_book",
    "describe_limits",
    "describe_transport",
    "digest_of_newest",
    "disclose",
    "erase",
    "examples_of",
    "export_contacts",
    "export_left_out",
    "forget_answers",
    "forget_traces",
    "form_key",
    "growth_of",
    "has_objected",
    "hold_fields",
    "invite_imported",
    "join",
    "keep_document",
    "leave_in_doubt",
    "lift_bounce",
    "look_up",
    "mail_access_link",
    "mark_as_answered",
    "mark_done_at_provider",
    "may_be_invited",
    "may_open_directly",
    "move",
    "newest",
    "note_export",
    "note_list",
    "object_to_mail",
    "open_by_link",
    "open_directly",
    "pause_campaign",
    "print_evidence",
    "print_traces",
    "progress_of",
    "purge",
    "read_import",
    "read_journal",
    "read_link",
    "reasons_against_checking",
    "reasons_against_deleting",
    "reasons_against_removing",
    "reasons_against_sending",
    "replay_erasures",
    "restrict",
    "restricted_by_reader",
    "resubscribe",
    "resume_campaign",
    "ring_for_confirmations",
    "ring_for_erasures",
    "ring_for_service_mails",
    "run_lane",
    "send_again_in_doubt",
    "send_campaign",
    "send_confirmation",
    "send_service_mail",
    "send_test",
    "session_of",
    "sign_up",
    "start_import",
    "take_event",
    "tend_campaigns",
    "tend_imports",
    "timeline_of",
    "traces",
    "undo_import",
    "unschedule_campaign",
    "unsubscribe",
    "version_wording",
    "version_wordings_of_site",
    "withdraw_objection",
    "work_on_import",
    "worker_is_missing",
    "write_to_sender",
]

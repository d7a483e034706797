"""Behind the door: what is held about the reader, and each of their rights in one click."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from .. import actions, conf
from ..actions.offering import join_form, joinable
from ..forms import DetailsForm, EraseForm, MessageForm, NewAddressForm
from ..models import Contact, SubscriptionStatus
from . import doors
from .doors import Door, behind_the_door
from .pages import origin_of, page

#: What the page says after each button.
DONE = {
    "details": _("Your details are changed."),
    "answers": _("Your answers are changed."),
    "address": _("Look into the mailbox at the new address: a link there makes the change."),
    "joined": _("Look into your inbox: a link there confirms that you want it."),
    "left": _("You have left. It takes effect at once."),
    "restricted": _("The use of your data is restricted: you get no newsletter until you lift it."),
    "lifted": _("The restriction is lifted."),
    "objected": _("No newsletter reaches you again."),
    "withdrawn": _("Your objection is withdrawn. You get only what you join from now on."),
    "written": _("Your message is on its way, and a copy to you."),
}


def show(
    request: HttpRequest, door: Door, *, status: int = 200, outdated: bool = False, **forms: Form
) -> HttpResponse:
    """Everything, with the forms that correct it; `forms` are those with errors."""
    contact = door.contact
    with_errors = next((form for form in forms.values() if form.errors), None)
    return page(
        request,
        "my_data/home",
        site=contact.site,
        language=contact.served_language,
        status=status,
        contact=contact,
        key=door.form_key,
        closes_at=door.session.opened_at + conf.access_session(),
        done=DONE.get(request.GET.get("done", "")),
        disclosure=actions.disclose(contact),
        asking=actions.books_that_ask(contact),
        objected=actions.has_objected(contact),
        has_newsletters=contact.subscriptions.active().count() > 1,
        details_form=forms.get("details") or _details(contact),
        address_form=forms.get("address") or NewAddressForm(auto_id="%s"),
        join_form=forms.get("join") or join_form(joinable(contact)),
        form_with_errors=with_errors,
        outdated=outdated,
    )


def _details(contact: Any) -> DetailsForm:
    return DetailsForm(
        initial={"name": contact.name, "language": contact.served_language}, auto_id="%s"
    )


def _back(door: Door, done: str) -> HttpResponse:
    """To the top, where what was done is read out; a fragment would keep the focus from it."""
    return doors.see_other(f"{doors.home(door.contact)}?done={done}")


@require_POST
@behind_the_door
def download(request: HttpRequest, door: Door) -> HttpResponse:
    """Everything in one file."""
    file = actions.as_zip(
        contact=door.contact, language=door.contact.served_language, source="my data"
    )
    if file is None:
        raise Contact.DoesNotExist
    return HttpResponse(
        file,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="my-data-{localdate():%Y-%m-%d}.zip"'
        },
    )


@require_POST
@behind_the_door
def details(request: HttpRequest, door: Door) -> HttpResponse:
    form = DetailsForm(request.POST, auto_id="%s")
    if not form.is_valid():
        return show(request, door, status=422, details=form)
    actions.correct(contact=door.contact, source="my data", **form.cleaned_data)
    door.contact.refresh_from_db()
    response = _back(door, "details")
    # Where addresses have a language, the page has moved.
    doors.remember(request, response, door.contact, door.key)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@behind_the_door
def answers(request: HttpRequest, door: Door) -> HttpResponse:
    """What one newsletter asks."""
    theirs = door.contact.subscriptions.active().select_related("book")
    subscription = theirs.filter(book__uuid=_uuid_in(request.GET.get("book", ""))).first()
    if subscription is None:  # Left, or its address book was deleted a moment ago.
        return doors.see_other(doors.home(door.contact))
    posted = request.POST if request.method == "POST" else None
    form = actions.answers_form(subscription, posted, auto_id="%s")
    if not form.is_valid():
        return _page(request, door, "my_data/answers", form=form, book=subscription.book)
    actions.correct_answers(subscription=subscription, answers=form.answers(), source="my data")
    return _back(door, "answers")


def _uuid_in(text: str) -> str:
    """Empty for what is none, and may hold characters that no database takes."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""


@require_POST
@behind_the_door
def address(request: HttpRequest, door: Door) -> HttpResponse:
    """The new mailbox is asked, whoever has it."""
    form = NewAddressForm(request.POST, auto_id="%s")
    if form.is_valid():
        new = form.cleaned_data["new_address"]
        if new.typed == door.contact.address:
            form.add_error("new_address", _("That is the address that we have."))
        elif not actions.ask_for_new_address(contact=door.contact, address=new):
            form.add_error("new_address", _("You have tried too often. Please try again tomorrow."))
    if form.errors:
        return show(request, door, status=422, address=form)
    return _back(door, "address")


@require_POST
@behind_the_door
def join(request: HttpRequest, door: Door) -> HttpResponse:
    """As at any form: with the box, and confirmed by mail (C1, C3)."""
    statements = joinable(door.contact)
    form = join_form(statements, request.POST)
    if (
        not statements or request.POST.get("shown") != form.shown
    ):  # What they would agree to is another text by now.
        return show(request, door, status=409, outdated=True)
    if not form.is_valid():
        return show(request, door, status=422, join=form)
    ticked = {offer.statement for offer in form.ticked()}
    home = request.build_absolute_uri(doors.home(door.contact))
    actions.join(
        contact=door.contact,
        statements=[statement for statement in statements if statement.pk in ticked],
        answers=form.answers(),
        origin=origin_of(request, "my data", page_url=home),
    )
    return _back(door, "joined")


@require_POST
@behind_the_door
def leave(request: HttpRequest, door: Door) -> HttpResponse:
    """One book, or all of them."""
    contact, books = door.contact, None
    if "everything" not in request.POST:
        theirs = contact.subscriptions.values_list("book__uuid", flat=True)
        books = [uuid for uuid in theirs if uuid == request.POST.get("book")]
    actions.unsubscribe(contact=contact, books=books, origin=origin_of(request, "my data"))
    return _back(door, "left")


@require_POST
@behind_the_door
def restrict(request: HttpRequest, door: Door) -> HttpResponse:
    restricted = request.POST.get("restricted") == "yes"
    actions.restrict(contact=door.contact, restricted=restricted, source="my data")
    return _back(door, "restricted" if restricted else "lifted")


@require_POST
@behind_the_door
def object_to_mail(request: HttpRequest, door: Door) -> HttpResponse:
    if request.POST.get("objected") == "yes":
        actions.object_to_mail(contact=door.contact, origin=origin_of(request, "my data"))
        return _back(door, "objected")
    actions.withdraw_objection(contact=door.contact, source="my data")
    return _back(door, "withdrawn")


@require_http_methods(["GET", "HEAD", "POST"])
@behind_the_door
def message(request: HttpRequest, door: Door) -> HttpResponse:
    form = MessageForm(request.POST if request.method == "POST" else None, auto_id="%s")
    if form.is_valid():
        if actions.write_to_sender(contact=door.contact, text=form.cleaned_data["text"]):
            return _back(door, "written")
        form.add_error("text", _("You have written very often today. Please go on tomorrow."))
    return _page(request, door, "my_data/message", form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@behind_the_door
def erase(request: HttpRequest, door: Door) -> HttpResponse:
    """GET says what goes and what stays, POST erases; the last page, and no mail after it."""
    form = EraseForm(request.POST if request.method == "POST" else None, auto_id="%s")
    if not form.is_valid():
        joined = door.contact.subscriptions.filter(status=SubscriptionStatus.CONFIRMED)
        books = [each.book for each in joined.select_related("book")]
        return _page(request, door, "my_data/erase", form=form, books=books)
    keep_hash = form.cleaned_data["remember"] == "hash"
    unwelcome = keep_hash and door.contact.suppressions.final().exists()
    erasure = actions.erase(
        contact=door.contact, origin=origin_of(request, "my data"), keep_hash=keep_hash
    )
    if erasure is None:
        raise Contact.DoesNotExist
    response = _page(
        request,
        door,
        "my_data/erased",
        form=None,
        keep_hash=keep_hash,
        erasure=erasure,
        unwelcome=unwelcome,
    )
    doors.forget(response, door.contact)
    return response


def _page(
    request: HttpRequest, door: Door, name: str, *, form: Form | None, **context: Any
) -> HttpResponse:
    return page(
        request,
        name,
        site=door.contact.site,
        language=door.contact.served_language,
        status=422 if form is not None and form.errors else 200,
        contact=door.contact,
        key=door.form_key,
        form=form,
        **context,
    )

"""Leaving, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from .. import actions, tokens
from ..models import AddressBook, Contact, Delivery
from .pages import origin_of, page, private_page, refuse_too_much


@csrf_exempt  # Mail clients post here without a cookie (RFC 8058).
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def unsubscribe(request: HttpRequest, token: str, campaign: int | None = None) -> HttpResponse:
    """GET asks, POST unsubscribes. An erased contact sees the same pages: they have left either way."""
    contact = Contact.objects.holding(token).select_related("site").first()
    scopes = _came_through(contact, campaign) if contact else set()
    books = list(AddressBook.objects.filter(uuid__in=scopes))
    if request.method != "POST":
        return _page(request, "unsubscribe", contact, books=books)
    posted = _posted(request)
    one_click = "what" not in posted  # As our own page's buttons have it.
    everything = posted.get("what") == "everything" or not scopes
    undo = ""
    if contact:
        undo = actions.unsubscribe(
            contact=contact,
            books=None if everything else sorted(scopes),
            origin=origin_of(request, "one-click" if one_click else "unsubscribe page"),
        )
    if one_click:
        return HttpResponse("OK", content_type="text/plain")
    return _page(request, "unsubscribed", contact, books=[] if everything else books, undo=undo)


def _posted(request: HttpRequest) -> Mapping[str, str]:
    """Whatever the body is, the token in the address is enough to leave (M2)."""
    try:
        return request.POST.dict()
    except (
        BadRequest,
        SuspiciousOperation,
        MultiPartParserError,
        ValueError,
        LookupError,
        OSError,
    ):
        return {}


@csrf_exempt  # The signed token in the form is the proof.
@require_POST
@private_page
@refuse_too_much
def resubscribe(request: HttpRequest) -> HttpResponse:
    """“That was a mistake”, within ten minutes."""
    try:
        restored = actions.resubscribe(
            token=request.POST.get("undo", ""), origin=origin_of(request, "unsubscribe page")
        )
    except tokens.InvalidToken:
        restored = []
    if not restored:
        return page(request, "link_problem", problem="undo")
    contact = restored[0].contact
    return _page(request, "resubscribed", contact, books=[item.book for item in restored])


def _page(request: HttpRequest, name: str, contact: Contact | None, **context: Any) -> HttpResponse:
    return page(
        request,
        name,
        site=contact.site if contact else None,
        language=contact.served_language if contact else None,
        contact=contact,
        **context,
    )


def _came_through(contact: Contact, campaign: int | None) -> set[str]:
    """The UUIDs of the books through which this campaign came, deleted ones too; none means everything."""
    theirs = Q(contact=contact) | Q(second_copy_of=contact)
    copies = Delivery.objects.filter(theirs, campaign=campaign).values_list("books", flat=True)
    return {uuid for books in copies for uuid in books}

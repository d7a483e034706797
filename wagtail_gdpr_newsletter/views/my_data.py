"""The reader's way to their data, up to the door (R2); what is behind it is in `my_rights`."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from wagtail.models import Site

from .. import actions, tokens
from ..actions.rectification import Move
from ..forms import AccessForm
from ..links import default_site
from ..models import Contact
from . import doors, limits, my_rights
from .pages import (
    client_ip,
    origin_of,
    page,
    posted_from_elsewhere,
    private_page,
    refuse_too_much,
)


@csrf_exempt  # Whoever posts learns nothing by it; `posted_from_elsewhere` guards the mailbox.
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
@refuse_too_much
def my_data(request: HttpRequest) -> HttpResponse:
    """Behind the door the data; before it a form for an address. All addresses get the same answer (A2)."""
    if request.method != "POST":
        if door := doors.door_of(request):
            return my_rights.show(request, door)
        return page(request, "my_data/entrance", form=AccessForm())
    if posted_from_elsewhere(request, from_private_page=True):
        return page(request, "refused", reason="elsewhere", status=403)
    form = AccessForm(request.POST)
    if not form.is_valid():
        return page(request, "my_data/entrance", form=form, status=422)
    if limits.too_many("my-data", client_ip(request)):
        return page(request, "refused", reason="too_many", status=429)
    site = Site.find_for_request(request) or default_site()
    try:
        actions.ask_by_address(site=site, address=form.cleaned_data["email"])
    except actions.NotNow:
        return page(request, "refused", reason="not_now", status=503)
    return page(request, "my_data/sent", by_address=True)


@csrf_exempt  # The token in the address is enough: all it can do is to have its owner mailed.
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
@refuse_too_much
def from_newsletter(request: HttpRequest, token: str, campaign: int | None = None) -> HttpResponse:
    """Who writes, how to leave, and a button for the link. Newsletters get forwarded: nothing else (R2)."""
    contact = Contact.objects.holding(token).select_related("site").first()
    answer = partial(
        page,
        request,
        site=contact.site if contact else None,
        language=contact.served_language if contact else None,
    )
    if request.method != "POST":
        directly = contact is not None and actions.may_open_directly(
            contact, link_token=token, campaign=campaign
        )
        return answer("my_data/from_newsletter", token=token, directly=directly)
    if limits.too_many("my-data", client_ip(request)):
        return answer("refused", reason="too_many", status=429)
    key = None
    if contact and _wants_in(request):
        key = actions.open_directly(contact=contact, link_token=token, campaign=campaign)
    if contact and key:
        return doors.let_in(request, contact, key)
    try:
        actions.ask_by_link(link_token=token)
    except actions.NotNow:
        return answer("refused", reason="not_now", status=503)
    return answer("my_data/sent", by_address=False)


def _wants_in(request: HttpRequest) -> bool:
    return request.POST.get("what") == "open" and not posted_from_elsewhere(
        request, from_private_page=True
    )


@csrf_exempt  # The token in the address is the proof.
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def open_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, POST spends the link and opens the door: mail scanners open links."""
    if request.method == "POST" and posted_from_elsewhere(request, from_private_page=True):
        # Somebody would have this browser show another person's data, and take what is typed there.
        return page(request, "refused", reason="elsewhere", status=403)
    try:
        if request.method == "POST":
            contact, key = actions.open_by_link(token=token)
            return doors.let_in(request, contact, key)
        contact = actions.read_link(token).contact
    except tokens.InvalidToken as error:
        return _link_problem(request, error)
    return page(request, "my_data/open", site=contact.site, language=contact.served_language)


@csrf_exempt  # The token in the address is the proof.
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
@refuse_too_much
def new_address(request: HttpRequest, token: str) -> HttpResponse:
    """At the new mailbox: GET asks, POST moves, and only what was shown."""
    try:
        if request.method == "POST":
            return _move(request, token)
        return _show_move(request, actions.awaiting_move(token))
    except tokens.InvalidToken as error:
        return _link_problem(request, error)


def _move(request: HttpRequest, token: str) -> HttpResponse:
    try:
        contact, move = actions.move(
            token=token,
            shown=request.POST.get("shown", ""),
            origin=origin_of(request, "my data"),
        )
    except actions.SomethingElse:
        return _show_move(request, actions.awaiting_move(token), outdated=True)
    return page(
        request, "my_data/moved", site=contact.site, language=contact.served_language, move=move
    )


def _show_move(request: HttpRequest, move: Move, *, outdated: bool = False) -> HttpResponse:
    contact = move.mail.contact
    return page(
        request,
        "my_data/new_address",
        site=contact.site,
        language=contact.served_language,
        move=move,
        outdated=outdated,
        status=409 if outdated else 200,
    )


def _link_problem(request: HttpRequest, error: tokens.InvalidToken) -> HttpResponse:
    if isinstance(error, tokens.ExpiredToken):
        return page(request, "my_data/link_problem", problem="expired", status=410)
    if isinstance(error, tokens.SpentToken):
        return page(request, "my_data/link_problem", problem="spent", status=410)
    return page(request, "my_data/link_problem", problem="invalid", status=404)


@csrf_exempt  # Closing a door harms nobody.
@require_POST
@private_page
def close(request: HttpRequest) -> HttpResponse:
    """Nobody reads on in this browser."""
    door = doors.door_of(request)
    response = page(
        request,
        "my_data/closed",
        by_hand=True,
        language=door.contact.served_language if door else None,
    )
    if door:
        actions.close(door.session)
        doors.forget(response, door.contact)
    return response

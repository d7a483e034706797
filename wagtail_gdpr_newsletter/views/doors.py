"""The door to somebody's data: a cookie of its own, for a while, in one browser (A3, A4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from .. import actions, conf
from ..links import NAMESPACE
from ..models import AccessSession, Contact
from . import limits
from .pages import View, page, private_page, refuse_too_much

#: Django leaves cookies out of its error reports whose name tells that they are secret.
COOKIE = "gdpr_newsletter_access_key"


@dataclass(frozen=True)
class Door:
    """An open session, with the key that the browser has."""

    session: AccessSession
    key: str = field(repr=False)

    @property
    def contact(self) -> Contact:
        return self.session.contact

    @property
    def form_key(self) -> str:
        return actions.form_key(self.key)


def door_of(request: HttpRequest) -> Door | None:
    key = request.COOKIES.get(COOKIE, "")
    session = actions.session_of(key) if key else None
    return Door(session, key) if session else None


def home(contact: Contact) -> str:
    """Where their data are shown, in their language where addresses have one."""
    with translation.override(contact.served_language):
        return reverse(f"{NAMESPACE}:my_data")


def let_in(request: HttpRequest, contact: Contact, key: str) -> HttpResponse:
    """To the data, without the token in the address."""
    response = see_other(home(contact))
    remember(request, response, contact, key)
    return response


def remember(request: HttpRequest, response: HttpResponse, contact: Contact, key: str) -> None:
    """The cookie goes to these pages alone, never with a request that another site begins."""
    response.set_cookie(
        COOKIE,
        key,
        max_age=conf.access_session(),
        path=home(contact),
        secure=request.is_secure(),
        httponly=True,
        samesite="Strict",
    )


def forget(response: HttpResponse, contact: Contact) -> None:
    response.delete_cookie(COOKIE, path=home(contact), samesite="Strict")


def see_other(url: str) -> HttpResponse:
    """Reloading what comes then posts nothing."""
    response = redirect(url)
    response.status_code = 303
    return response


def behind_the_door(view: Callable[[HttpRequest, Door], HttpResponse]) -> View:
    """Only in the browser in which the data are open, and posts only from the session's own pages."""

    @csrf_exempt  # The session's forms have a key of their own.
    @sensitive_post_parameters()
    @sensitive_variables("door")
    @private_page
    @refuse_too_much
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        door = door_of(request)
        if door is None:
            # What somebody has typed for half an hour must not be lost.
            return page(request, "my_data/closed", typed=request.POST.get("text", ""), status=403)
        if request.method == "POST":
            if not constant_time_compare(request.POST.get("key", ""), door.form_key):
                return page(request, "refused", reason="elsewhere", status=403)
            if limits.too_many_by_session(door.session.pk):
                return page(request, "refused", reason="too_many", status=429)
        try:
            with translation.override(door.contact.served_language):
                return view(request, door)
        except Contact.DoesNotExist:  # Erased a moment ago, in another tab.
            return page(request, "my_data/closed", status=403)

    return wrapped

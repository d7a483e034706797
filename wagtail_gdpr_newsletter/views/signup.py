"""Signing up and confirming."""

from __future__ import annotations

from functools import partial

import swapper
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from wagtail.models import Site

from .. import actions, tokens
from ..actions.offering import ShownForm
from ..forms import SignupForm
from ..links import NAMESPACE
from . import limits
from .pages import (
    client_ip,
    origin_of,
    page,
    posted_from_elsewhere,
    private_page,
    refuse_too_much,
)


@csrf_exempt  # The form's page is cached and sets no cookie; `posted_from_elsewhere` guards instead.
@sensitive_post_parameters()  # No error report holds what a visitor typed.
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
@refuse_too_much
def subscribe(request: HttpRequest) -> HttpResponse:
    """Take a posted form. Every address, known or not, gets the same answer (A2)."""
    if request.method != "POST":  # Reloaded, or opened from the history.
        return page(request, "refused", reason="form", status=405)
    if posted_from_elsewhere(request):
        return page(request, "refused", reason="elsewhere", status=403)
    try:
        shown = ShownForm.read(request.POST.get("form", ""))
    except tokens.InvalidToken:
        return page(request, "refused", reason="form", status=400)
    with translation.override(shown.language):
        return _take(request, shown)


@sensitive_variables()
def _take(request: HttpRequest, shown: ShownForm) -> HttpResponse:
    answer = partial(page, request, language=shown.language)
    form = shown.build(request.POST)
    if not form.offers:
        return answer("refused", reason="gone", status=410)
    if form.is_from_a_robot:
        return _answer(request, shown)
    if not form.is_valid():
        return _show_form(request, form, shown, status=422)
    agreed = shown.agreed(form)
    if not shown.is_lawful(agreed):
        return answer("refused", reason="gone", status=410)
    if shown.is_outdated(agreed):
        return _show_again(request, shown)
    if limits.too_many("signups", client_ip(request)):
        return answer("refused", reason="too_many", status=429)
    actions.sign_up(
        site=Site.objects.get(pk=shown.site),
        address=form.cleaned_data["email"],
        name=form.cleaned_data.get("name", ""),
        statements=agreed,
        answers=form.answers(),
        origin=origin_of(request, "form", page_url=shown.page_url, block_id=shown.block_id),
    )
    return _answer(request, shown)


def _show_again(request: HttpRequest, shown: ShownForm) -> HttpResponse:
    """The wording has changed materially: the input is kept, the boxes are empty again (C1, C9)."""
    refreshed = shown.refreshed()
    form = refreshed.build()
    form.initial = {name: request.POST.get(name, "") for name in ("email", "name")}
    form.initial |= form.typed_answers(request.POST)
    return _show_form(request, form, refreshed, outdated=True, status=409)


def _show_form(
    request: HttpRequest, form: SignupForm, shown: ShownForm, *, status: int, outdated: bool = False
) -> HttpResponse:
    response = page(
        request,
        "signup",
        language=shown.language,
        form=form,
        shown=shown,
        outdated=outdated,
        status=status,
    )
    # With no-referrer browsers say that a form was posted from nowhere, and it would be refused.
    response["Referrer-Policy"] = "same-origin"
    return response


def _answer(request: HttpRequest, shown: ShownForm) -> HttpResponse:
    """To the page the editor chose, which was signed, or to ours (A6).

    Our script gets the address instead of being led there: the page may be on another origin.
    """
    url = _answer_url(shown)
    if request.headers.get("X-Requested-With") == "gdpr-newsletter":
        return JsonResponse({"location": url})
    response = redirect(url)
    response.status_code = 303  # See other: reloading the answer posts nothing.
    return response


def _answer_url(shown: ShownForm) -> str:
    page_model = swapper.load_model("wagtailcore", "Page")
    thank_you = page_model.objects.live().filter(pk=shown.thank_you_page).first()
    if thank_you and thank_you.full_url:
        return thank_you.full_url
    token = tokens.sign(tokens.Purpose.ANSWER, [shown.language, shown.success_message])
    return reverse(f"{NAMESPACE}:subscribed", args=[token])


@require_safe
@private_page
def subscribed(request: HttpRequest, token: str) -> HttpResponse:
    """The answer to a form: look into your inbox."""
    try:
        language, message = tokens.read(tokens.Purpose.ANSWER, token)
    except tokens.InvalidToken:
        language, message = None, ""
    return page(request, "subscribed", language=language, message=message)


@csrf_exempt  # The token in the address is the proof; the page needs no cookie.
@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, POST confirms: mail scanners open links, people press buttons."""
    try:
        if request.method == "POST":
            done = actions.confirm(token=token, origin=origin_of(request, "confirmation page"))
        else:
            done = actions.awaiting_confirmation(token)
    except tokens.ExpiredToken:
        return page(request, "link_problem", problem="expired", status=410)
    except tokens.InvalidToken:
        return page(request, "link_problem", problem="invalid", status=404)
    if not done:
        problem = "used" if actions.confirmed_before(token) else "void"
        return page(request, "link_problem", problem=problem)
    contact = done[0].contact
    return page(
        request,
        "confirmed" if request.method == "POST" else "confirm",
        site=contact.site,
        language=contact.served_language,
        contact=contact,
        subscriptions=done,
        answers=[told for each in done for told in actions.answers_in_words(each)],
    )

"""The reader's way to their data."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ..models import Contact
from .pages import page, private_page


@require_safe
@private_page
def my_data(request: HttpRequest, token: str) -> HttpResponse:
    """Who is responsible, how to reach them, how to leave. Newsletters get forwarded: nothing else (R2)."""
    contact = Contact.objects.holding(token).select_related("site").first()
    return page(
        request,
        "my_data",
        site=contact.site if contact else None,
        language=contact.language if contact else None,
        token=token,
    )

"""Everything that staff see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: The base of a mixin: whatever Wagtail's views have, they do not tell the type checker.
ViewMixin: Any = object


class StaffRequest(HttpRequest):
    """A request as Wagtail lets it through to its admin: from somebody who is signed in."""

    user: User

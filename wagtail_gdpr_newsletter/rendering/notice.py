"""The information notice below a consent box: what article 13 asks for, in the visitor's language (I1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .newsletter import Sender


@dataclass(frozen=True)
class Asked:
    """What a form asks beside the address."""

    label: str
    purpose: str
    required: bool


def compose(
    *,
    sender: Sender,
    purpose: str,
    language: str,
    confirmation_expiry: timedelta,
    asked: Sequence[Asked] = (),
) -> list[list[str]]:
    """[[heading, text], ...] in the order in which the law lists them; empty parts are left out."""
    with translation.override(language):
        parts = [
            _responsible(sender),
            [_("What we use your address for"), purpose],
            [
                _("Legal basis"),
                _("Your consent (Article 6(1)(a) of the GDPR). It is voluntary."),
            ],
            [_("What else we ask, and why"), _asked(asked)],
            [_("What you have to tell us"), _required(asked)],
            _recipients(sender),
            [_("How long we keep it"), _retention(confirmation_expiry)],
            [
                _("How you leave"),
                _(
                    "With the link at the foot of every newsletter, at any time and without giving "
                    "a reason. What was sent before stays lawful."
                ),
            ],
            [
                _("Your rights"),
                _(
                    "With the “My data” link at the foot of every newsletter you can see your data, "
                    "download, correct, restrict and erase them, and object. Or write to %(email)s."
                )
                % {"email": sender.email},
            ],
            _complaint(sender),
            _measuring(),
        ]
    return [[heading, text] for heading, text in parts if text]


def _asked(asked: Sequence[Asked]) -> str:
    return "\n".join(f"{each.label}: {each.purpose}" for each in asked)


def _required(asked: Sequence[Asked]) -> str:
    required = ", ".join(each.label for each in asked if each.required)
    if not required:
        return _("Only your e-mail address; all else is up to you.")
    said = _("Your e-mail address and, for this newsletter: %(fields)s. All else is up to you.")
    return said % {"fields": required}


def about_sender(sender: Sender) -> list[list[str]]:
    """What holds for whoever's data are kept, in the active language (GDPR 15(1))."""
    return [_responsible(sender), _recipients(sender), _complaint(sender), _measuring()]


def _responsible(sender: Sender) -> list[str]:
    lines = [sender.name, *sender.postal_address.splitlines(), sender.email, sender.phone]
    if sender.data_protection_officer:
        lines.append(
            _("Data protection officer: %(name)s") % {"name": sender.data_protection_officer}
        )
    text = "\n".join(line.strip() for line in lines if line.strip())
    return [_("Who is responsible"), text]


def _recipients(sender: Sender) -> list[str]:
    text = _("Only those who run our website and deliver our mail on our behalf.")
    if sender.mail_provider:
        text = _("%(provider)s, which delivers our mail on our behalf, and nobody else.")
    return [_("Who else receives it"), text % {"provider": sender.mail_provider}]


def _retention(confirmation_expiry: timedelta) -> str:
    return _(
        "Until you leave. If you do not confirm, we delete your address after %(time)s. After "
        "you have left we keep proof of your consent as long as the law may ask us for it, and a "
        "code made from your address, so that we do not write to you again."
    ) % {"time": in_words(confirmation_expiry)}


def in_words(time: timedelta) -> str:
    """Whole days, or hours where it is less than two days, in the active language."""
    if time >= timedelta(days=2):
        return ngettext("%(number)s day", "%(number)s days", time.days) % {"number": time.days}
    hours = max(1, round(time / timedelta(hours=1)))
    return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}


def _complaint(sender: Sender) -> list[str]:
    text = _("With the data protection authority of the place where you live or work.")
    if sender.supervisory_authority:
        text = _(
            "With the data protection authority of the place where you live or work. Ours is: "
            "%(authority)s."
        )
    return [_("Where you can complain"), text % {"authority": sender.supervisory_authority}]


def _measuring() -> list[str]:
    return [
        _("Measuring"),
        _("We do not record whether you open our e-mails or what you click in them."),
    ]

"""What other code on the site may want to know. Our own flow never runs through these."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

# A visitor asked for a book and was sent (or will be sent) a confirmation mail.
# provides args: subscription
subscription_requested = Signal()

# A person pressed the button in the confirmation page.
# provides args: subscription
subscription_confirmed = Signal()

# A subscription ended, by the person, the provider or staff.
# provides args: subscription, source
subscription_withdrawn = Signal()

# Somebody's data were erased here: erase what you keep of them elsewhere. Sent on a worker, with the
# address as typed, and repeated every hour until no receiver fails; so a receiver has to bear repetition.
# provides args: site, address
contact_erased = Signal()

# A file of people, or of people who have left, is taken as far as it will be. For what it brought no other signal
# is sent, but for those who left by it.
# provides args: contact_import
import_finished = Signal()

# The last delivery of a campaign has been settled.
# provides args: campaign
campaign_finished = Signal()


def announce(signal: Signal, sender: type, **kwargs: Any) -> None:
    """Send once what happened is committed; a receiver that fails is logged and undoes nothing."""
    transaction.on_commit(partial(signal.send_robust, sender, **kwargs))

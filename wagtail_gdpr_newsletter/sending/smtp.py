"""Several conversations with one mail server at once, each a round trip a message.

`smtplib` opens, secures and logs in. From there the mail transaction is ours: where the server offers
PIPELINING (RFC 2920) the end of one message and the envelope of the next leave together, else each command
waits for its reply. No message is let go before the turn has committed that it may be accepted from now on:
of whatever is on the wire when a worker dies, at most one message a connection is in doubt.
"""

from __future__ import annotations

import selectors
import smtplib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic

from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from . import kept
from .claims import Claimed
from .compose import Composer
from .conversation import Conversation, Letter
from .settling import Settled
from .supply import Supply
from .transport import (
    MailerRefuses,
    another,
    cannot_be_written,
    drop_connection,
    open_connection,
    refused_at_the_door,
)
from .turn import BEAT, STREAK, Turn

#: Seconds for which answers wait for others at most, to be committed together.
GATHERING = 0.01


class SmtpTransport:
    """Sends through the server that Django's own SMTP backend is configured for."""

    def __init__(self, mailer: SmtpBackend, composer: Composer, *, connections: int) -> None:
        self._mailer = mailer
        self._composer = composer
        self._wanted = connections
        self._conversations: list[Conversation] = []
        self._selector = selectors.DefaultSelector()
        #: Of conversations that broke before anything could be accepted.
        self._returned: deque[Letter] = deque()
        self._unwritable: list[Settled] = []
        #: Of which it was said too early that they leave.
        self._untouched: list[Claimed] = []
        self._gathering = 0.0
        self._refusal: MailerRefuses | None = None
        self._may_replace = True

    def open(self, turn: Turn) -> None:
        """As many conversations as wanted, or as the server allows; `MailerRefuses` where it allows none."""
        for smtp in kept.take(self._mailer, self._wanted):
            self._take_over(smtp, was_of_use=True)
        missing = self._wanted - len(self._conversations)
        if not missing:
            return
        mailers = [another(self._mailer) for _number in range(missing)]
        with ThreadPoolExecutor(len(mailers)) as pool:
            opening = [pool.submit(_greet, mailer) for mailer in mailers]
            while wait(opening, timeout=BEAT).not_done:
                turn.beat()
        for opened in opening:
            if not opened.exception():
                self._take_over(opened.result())
        if not self._conversations:
            opening[0].result()

    def _take_over(self, smtp: smtplib.SMTP, *, was_of_use: bool = False) -> None:
        conversation = Conversation(
            smtp, self._selector, sender=self._composer.sender, was_of_use=was_of_use
        )
        self._conversations.append(conversation)

    def keep_open(self) -> None:
        """What is at rest, for the next turn."""
        released = {each: each.release() for each in self._conversations}
        self._conversations = [each for each, smtp in released.items() if smtp is None]
        kept.keep(self._mailer, [smtp for smtp in released.values() if smtp])

    def close(self) -> None:
        for conversation in self._conversations:
            conversation.say_goodbye()
        for conversation in self._conversations:
            conversation.close()
        self._conversations = []
        self._selector.close()

    def deliver(self, supply: Supply, turn: Turn) -> None:
        """Send all of it, and have the turn record each outcome.

        Raise `MailerRefuses` where the server takes nothing any more, once its word on what was on the wire
        by then is recorded; what is left is still claimed.
        """
        if not self._conversations:  # The server was too slow for the last batch.
            self.open(turn)
        self._refusal = None
        self._may_replace = True
        self._returned.clear()
        ready_since = None
        while busy := self._at_work(supply):
            self._exchange(timeout=1 if ready_since is None else self._gathering)
            for conversation in busy:
                if conversation.may_let_go and self._may_leave(conversation):
                    self._let_go_of(conversation, supply)
            ready = [each for each in busy if each.is_ready or each.wants_clearance]
            if not ready:
                turn.beat()
                continue
            ready_since = ready_since or monotonic()
            if len(ready) * 2 >= len(busy) or monotonic() - ready_since >= self._gathering:
                self._let_go(ready, supply, turn)
                ready_since = None
        for conversation in self._conversations:  # After a refusal.
            self._untouched += [letter.claimed for letter in conversation.unbegun]
        self._record(turn, [])
        if self._refusal:
            raise self._refusal

    def _may_leave(self, conversation: Conversation) -> bool:
        """What it has been given, if anything."""
        return not (self._refusal or conversation.is_late)

    def _at_work(self, supply: Supply) -> list[Conversation]:
        """Whoever is idle gets work, while there is some and the server takes it."""
        if self._refusal:
            return [each for each in self._conversations if each.is_owed_an_answer]
        has_enough = self._hand_out(supply)
        if self._conversations and supply.more(at_once=not has_enough):
            self._hand_out(supply)
        return [each for each in self._conversations if each.is_busy]

    def _hand_out(self, supply: Supply) -> bool:
        """Whether there was a letter for everybody who wants one."""
        for conversation in self._conversations:
            if conversation.wants_letter:
                following = self._next_letter(supply)
                if following is None:
                    return False
                conversation.begin(following)
        return True

    def _next_letter(self, supply: Supply) -> Letter | None:
        if self._refusal:
            return None
        while self._returned:
            letter = self._returned.popleft()
            if monotonic() <= letter.claimed.latest:
                return letter
        while len(self._unwritable) < STREAK and (claimed := next(supply, None)):
            try:
                return Letter(claimed, self._composer.copy(claimed.recipient))
            except ValueError as error:
                self._unwritable.append(Settled(claimed, cannot_be_written(error)))
        return None

    def _exchange(self, *, timeout: float) -> None:
        """Read what has come and write what can be written."""
        for key, mask in self._selector.select(timeout):
            conversation: Conversation = key.data
            if mask & selectors.EVENT_WRITE:
                conversation.write()
            if mask & selectors.EVENT_READ:
                conversation.read()
        at = monotonic()
        for conversation in self._conversations:
            conversation.lose_patience(at)

    def _let_go(self, ready: list[Conversation], supply: Supply, turn: Turn) -> None:
        """Commit what has become of the last messages and which leave now; then, and not before, they leave."""
        began = monotonic()
        settled = [each for conversation in ready for each in conversation.take_settled()]
        here = [each for each in ready if self._may_leave(each) and not each.is_lost]
        letters = [letter for each in here if (letter := each.held or each.offered)]
        self._record(turn, settled, [letter.claimed for letter in letters])
        if self._refusal:  # By what was recorded just now: these would be refused like the others.
            here = []
        # Waiting longer than that for others would cost more than it saves.
        self._gathering = min(GATHERING, monotonic() - began)
        for conversation in here:
            conversation.cleared = True
            # The commit may have taken its time.
            if conversation.held and not conversation.is_late:
                self._let_go_of(conversation, supply)
        for conversation in ready:
            if conversation.is_lost:
                self._replace(conversation, turn)
            elif conversation not in here and (conversation.held or conversation.is_late):
                self._untouched += [letter.claimed for letter in conversation.unbegun]
                conversation.abandon()
                self._replace(conversation, turn)

    def _let_go_of(self, conversation: Conversation, supply: Supply) -> None:
        """And put the envelope of the following letter behind it; where that has to wait, write it meanwhile."""
        if conversation.pipelining:
            conversation.let_go(self._next_letter(supply))
            return
        conversation.let_go(None)
        if following := self._next_letter(supply):
            conversation.begin(following)

    def _record(self, turn: Turn, settled: list[Settled], leaving: Sequence[Claimed] = ()) -> None:
        settled += self._unwritable
        untouched, self._unwritable, self._untouched = self._untouched, [], []
        if not (settled or leaving or untouched):
            return
        try:
            turn.record(settled, leaving, untouched)
        except MailerRefuses as refusal:
            self._refusal = self._refusal or refusal

    def _replace(self, lost: Conversation, turn: Turn) -> None:
        """What broke off is begun anew if it had been of use before; else the server is in trouble."""
        self._conversations.remove(lost)
        unbegun = lost.take_unbegun()
        self._returned += unbegun
        self._untouched += [letter.claimed for letter in unbegun]
        self._refusal = self._refusal or lost.refusal
        may_replace = self._may_replace and not (self._refusal or lost.was_abandoned)
        if lost.has_delivered and may_replace:
            turn.beat()
            try:
                self._take_over(_greet(another(self._mailer)))
            except MailerRefuses:  # The others have their answers waiting meanwhile.
                self._may_replace = False
        if not (self._conversations or lost.was_abandoned):
            self._refusal = self._refusal or MailerRefuses(lost.reason)


def _greet(mailer: SmtpBackend) -> smtplib.SMTP:
    """Open it, and learn what the server offers; Django asks only where it has to log in."""
    open_connection(mailer)
    if mailer.connection is None:  # It was told to fail silently.
        raise MailerRefuses("ConnectionError")
    try:
        mailer.connection.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException) as error:
        drop_connection(mailer)
        raise refused_at_the_door(error) from error
    return mailer.connection

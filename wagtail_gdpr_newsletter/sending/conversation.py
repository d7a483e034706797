"""One conversation with a mail server, without waiting for it (RFC 5321, RFC 2920)."""

from __future__ import annotations

import selectors
import smtplib
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from ..models import DeliveryStatus
from .claims import Claimed
from .compose import Copy
from .settling import Settled
from .transport import MailerRefuses, Outcome, in_doubt, of_reply
from .wire import Reply, Wire

#: The server is about to hang up (RFC 5321, 3.8), and goes ahead with the message (4.2.1).
CLOSING, GO_AHEAD = 421, 354


class Letter(NamedTuple):
    """A delivery and its finished message."""

    claimed: Claimed
    copy: Copy
    #: It was lost once with the conversation that it was offered in.
    was_returned: bool = False


#: What it is about, and its octets.
Command = tuple[str, bytes]


class Conversation:
    """An open connection, taken over from `smtplib` after its greeting.

    A letter is first `offered`: its envelope is on the wire. Once the server says go ahead it is `held`, and
    waits to be let go. From then on it is the `current` one, until the server's word on it is read.
    """

    def __init__(
        self,
        smtp: smtplib.SMTP,
        selector: selectors.BaseSelector,
        *,
        sender: str,
        was_of_use: bool = False,
    ) -> None:
        self._smtp = smtp
        self._sender = sender
        self._wire = Wire(smtp.sock, selector, self)  # type: ignore[arg-type]  # It is open.
        self.pipelining = smtp.has_extn("pipelining")
        self._tells_size = smtp.has_extn("size")
        #: How many octets follow the end of the current message.
        self._after_current = 0
        #: What each reply to come is about, and commands that wait for the reply before them.
        self._expected: deque[str] = deque()
        self._waiting: deque[Command] = deque()
        self._heard_at = monotonic()
        self._refused_recipient: Reply | None = None
        self._in_transaction = False
        self._settled: list[Settled] = []
        self.offered: Letter | None = None
        self.cleared = False
        self.held: Letter | None = None
        self.current: Letter | None = None
        self.has_delivered = was_of_use
        self.is_lost = self.was_abandoned = False
        self.reason = ""
        #: The server takes nothing from this sender.
        self.refusal: MailerRefuses | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self.current or self.offered or self.held or self._settled or self.is_lost)

    @property
    def is_owed_an_answer(self) -> bool:
        """Something of it may be taken, or is not recorded."""
        return bool(self.current or self._settled)

    @property
    def is_ready(self) -> bool:
        """It waits for us: to record what it has learnt, to let go, or to be replaced."""
        if self.is_lost:
            return True
        return not (self.current or self.offered) and bool(self.held or self._settled)

    @property
    def wants_clearance(self) -> bool:
        """It is busy with an envelope for some round trips: time to record, also that it leaves."""
        if self.pipelining or self.current or self.cleared:
            return False
        return self.offered is not None

    @property
    def wants_letter(self) -> bool:
        """Its last one is on its way, if there was one."""
        return not (self.offered or self.held or self._settled or self.is_lost)

    @property
    def is_late(self) -> bool:
        """What it has been given must not leave any more: it was asked too long ago who may get it."""
        return any(monotonic() > letter.claimed.latest for letter in self.unbegun)

    @property
    def may_let_go(self) -> bool:
        """It is committed already that what it holds may be accepted."""
        return bool(self.held and self.cleared and not (self._settled or self.is_lost))

    def take_settled(self) -> list[Settled]:
        settled, self._settled = self._settled, []
        return settled

    @property
    def unbegun(self) -> list[Letter]:
        """What it has been given, and cannot have been accepted."""
        return [letter for letter in (self.offered, self.held) if letter]

    def take_unbegun(self) -> list[Letter]:
        """Of a lost conversation: what cannot have been accepted, and is nobody's now.

        Once: whatever costs a second conversation has to wait like what the server puts off.
        """
        return [each._replace(was_returned=True) for each in self.unbegun if not each.was_returned]

    def begin(self, letter: Letter) -> None:
        """Put its envelope on the wire, behind the current message if there is one; it cannot be accepted yet."""
        envelope = self._envelope(letter)
        if self.pipelining:
            self._after_current += _length_of(envelope)
        self._say(*envelope)

    def let_go(self, following: Letter | None) -> None:
        """Put the held message on the wire, and the envelope of the following one right behind it."""
        letter, self.held = self.held, None
        if letter is None:
            return
        self.current = letter
        envelope = self._envelope(following) if following else []
        self._after_current = _length_of(envelope)
        self._say(("end", letter.copy.lines + b".\r\n"), *envelope)

    def _envelope(self, letter: Letter) -> list[Command]:
        self.offered, self._refused_recipient, self.cleared = letter, None, False
        copy = letter.copy
        size = f" SIZE={len(copy.lines)}" if self._tells_size else ""
        commands = [
            ("sender", f"MAIL FROM:<{self._sender}>{size}\r\n".encode("ascii")),
            ("recipient", f"RCPT TO:<{copy.recipient}>\r\n".encode("ascii")),
            ("data", b"DATA\r\n"),
        ]
        if self._in_transaction:  # Of a recipient that was refused.
            commands.insert(0, ("reset", b"RSET\r\n"))
        self._in_transaction = False
        return commands

    def _say(self, *commands: Command) -> None:
        self._waiting += commands
        self._pump()

    def _pump(self) -> None:
        """Send what may be sent now: all of it, or one command where the last one has been answered."""
        if self.pipelining:
            self._expected += [about for about, _command in self._waiting]
            octets = b"".join([command for _about, command in self._waiting])
            self._waiting.clear()
        elif self._waiting and not self._expected:
            about, octets = self._waiting.popleft()
            self._expected.append(about)
        else:
            return
        self._heard_at = monotonic()
        self.write(octets)

    def write(self, octets: bytes = b"") -> None:
        try:
            self._wire.send(octets)
        except OSError as error:
            self._lose(error)

    def read(self) -> None:
        broken: OSError | None = None
        try:
            self._wire.receive()
        except OSError as error:
            broken = error
        self._take_replies()
        if broken or self._wire.is_flooded:
            self._lose(broken or OverflowError())

    def lose_patience(self, at: float) -> None:
        if self._expected and at - self._heard_at > self._smtp.timeout:
            self._lose(TimeoutError())

    def _take_replies(self) -> None:
        while not self.is_lost and (reply := self._wire.next_reply()):
            self._heard_at = monotonic()
            if not self._expected or not 200 <= reply.code < 600:
                self._lose(ConnectionError())
                return
            if reply.code == CLOSING:
                self._hear_closing(reply)
                return
            self._HEARD[self._expected.popleft()](self, reply)
            if self.refusal:
                self._lose(self.refusal)
                return
            if self._waiting and not self.pipelining:
                self._pump()

    def _hear_closing(self, reply: Reply) -> None:
        """The server closes. What it had on the wire it has not taken: that is its answer to it."""
        if self.current and self._expected and self._expected[0] == "end":
            self._settle_current(reply)
        self._lose(ConnectionResetError(), reason=str(reply.code))

    def _hear_sender(self, reply: Reply) -> None:
        if reply.code < 300:
            return
        if reply.code < 500 and self.has_delivered:  # Enough for one conversation.
            self._lose(ConnectionError(), reason=str(reply.code))
            return
        self.refusal = MailerRefuses(of_reply(reply.code).error, for_good=reply.code >= 500)

    def _hear_recipient(self, reply: Reply) -> None:
        if reply.code >= 300:
            self._refused_recipient = reply

    def _hear_data(self, reply: Reply) -> None:
        if reply.code == GO_AHEAD and not self._refused_recipient:
            self.held, self.offered = self.offered, None
        elif reply.code == GO_AHEAD:  # For nobody: RFC 2920, 3.1, has an end to this.
            self._waiting.appendleft(("void", b".\r\n"))
            self._pump()
        else:
            self._in_transaction = True
            self._refuse(reply)

    def _hear_void(self, reply: Reply) -> None:
        self._refuse(reply)

    def _refuse(self, reply: Reply) -> None:
        letter, self.offered = self.offered, None
        if letter is None:
            return
        if self._refused_recipient:
            code, text = self._refused_recipient
            outcome = of_reply(code, text, to_recipient=True)
        else:
            outcome = of_reply(max(reply.code, 400), reply.text)
        self._settled.append(Settled(letter.claimed, outcome))

    def _hear_end(self, reply: Reply) -> None:
        self._settle_current(reply)

    def _settle_current(self, reply: Reply) -> None:
        letter, self.current = self.current, None
        if letter is None:
            return
        outcome = of_reply(reply.code, reply.text)
        self.has_delivered = self.has_delivered or outcome.status == DeliveryStatus.SENT
        if outcome.status == DeliveryStatus.UNKNOWN:  # Whatever it says next, it is out of step.
            self._lose(ConnectionError())
        self._settled.append(Settled(letter.claimed, outcome))

    def _hear_reset(self, reply: Reply) -> None:
        """Whatever it says, the next command tells."""

    _HEARD = {
        "reset": _hear_reset,
        "sender": _hear_sender,
        "recipient": _hear_recipient,
        "data": _hear_data,
        "void": _hear_void,
        "end": _hear_end,
    }

    def _lose(self, error: Exception, *, reason: str = "") -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self.reason = reason or type(error).__name__
        for letter in self.unbegun:
            if letter.was_returned:
                later = Outcome(DeliveryStatus.PENDING, error=self.reason)
                self._settled.append(Settled(letter.claimed, later))
        if self.current:
            left = self._wire.unsent <= self._after_current and not self._end_waits()
            later = Outcome(DeliveryStatus.PENDING, error=self.reason)
            outcome = in_doubt(error) if left else later
            self._settled.append(Settled(self.current.claimed, outcome))
            self.current = None
        self._hang_up()

    def _end_waits(self) -> bool:
        return any(about == "end" for about, _command in self._waiting)

    def abandon(self) -> None:
        """Break off before what it holds can be accepted: it is too late to let it go."""
        if not self.is_lost:
            self.is_lost = self.was_abandoned = True
            self.offered = self.held = None
            self._hang_up()

    @property
    def _is_at_rest(self) -> bool:
        return not (self.is_lost or self._expected or self._wire.unsent or self.held)

    def release(self) -> smtplib.SMTP | None:
        """For whoever goes on with it; `None` where it is in the middle of something."""
        if not self._is_at_rest or self._in_transaction or not self.has_delivered:
            return None
        self._wire.release()
        return self._smtp

    def say_goodbye(self) -> None:
        if self._is_at_rest:
            self._wire.say_goodbye()

    def close(self) -> None:
        if not self.is_lost:
            self._wire.hear_goodbye()
            self._hang_up()

    def _hang_up(self) -> None:
        self._wire.release()
        self._smtp.close()


def _length_of(commands: Sequence[Command]) -> int:
    return sum(len(octets) for _about, octets in commands)

"""What must be true of a campaign that is over, whatever happened to it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.engine.world import World

NAME = re.compile(rb"^Message-ID: <([0-9a-f]+\.\d+)@", re.MULTILINE | re.IGNORECASE)


def faults(site: World, report: dict[str, Any], *, in_doubt_at_most: int) -> list[str]:
    """Nobody lost, nobody twice, and the ledger says of each copy what is true of it; else what is wrong."""
    ledger = report["deliveries"]
    here = {name for name, status in ledger.items() if status == "sent"}
    unknown = {name for name, status in ledger.items() if status == "unknown"}
    skipped = {name for name, status in ledger.items() if status == "skipped"}
    copies = {NAME.search(each.octets)[1].decode() for each in site.server.received}
    twice = [each for each, number in Counter(site.server.recipients).items() if number > 1]
    wrong = {
        "lines are missing or too many": len(ledger) != len(site.readers),
        f"a second copy: {twice[:9]}": bool(twice),
        f"some are neither sent, in doubt nor skipped: {report['counted']}": (
            here | unknown | skipped != set(ledger)
        ),
        "called sent, and never arrived": not here <= copies,
        "arrived, and called neither sent nor in doubt": not copies <= here | unknown,
        f"in doubt: {len(unknown)}, and {in_doubt_at_most} may be": len(unknown) > in_doubt_at_most,
        f"the tally says {report['counted']}": report["counted"] != Counter(ledger.values()),
        f"lanes that are still there: {report['lanes']}": report["lanes"] > 0,
    }
    return [what for what, is_so in wrong.items() if is_so]

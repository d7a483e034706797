"""The table of personal data in the data protection officers' guide, made from the declarations.

    python -m tests.personal_data

writes it anew; a test says when that is needed.
"""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

GUIDE = Path(__file__).parent.parent / "docs" / "data-protection-officers.md"
BEGIN, END = "<!-- personal data: begin -->\n", "<!-- personal data: end -->"


def table() -> str:
    """In English, one row for what is erased and kept alike."""
    from django.utils import translation

    from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS

    rows = ["| Table | Values | At erasure | Kept |", "| --- | --- | --- | --- |"]
    with translation.override("en"):
        for name, declaration in DECLARATIONS.items():
            values = sorted(
                declaration.personal.values(), key=lambda each: (each.erasure.name, each.kept.name)
            )
            for (erasure, kept), group in groupby(values, key=lambda e: (e.erasure, e.kept)):
                labels = ", ".join(dict.fromkeys(str(each.label) for each in group))
                rows.append(
                    f"| `{name}` | {labels} | {erasure.value} | {str(kept.value) % {'time': 'the set time'}} |"
                )
        others = [f"`{name}`" for name, each in DECLARATIONS.items() if not each.personal]
    rows.append(f"| {', '.join(others)} | nothing about readers | – | – |")
    return "\n".join(rows) + "\n"


def written() -> str:
    """What stands in the guide."""
    return GUIDE.read_text().partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    before, begin, rest = GUIDE.read_text().partition(BEGIN)
    GUIDE.write_text(before + begin + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    write()

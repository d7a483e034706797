"""What happens when staff take away the rows that an import left out?

A CSV file with the line, the reason and the cells as they were, to be mended and imported again. That it was taken away is
logged (P3); after a month there is none any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from wagtail.log_actions import log

from ..importing.rows import Fault
from ..models import ContactImport, LeftOutRow, RowOutcome
from .exporting import Export, as_csv

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


def export_left_out(*, contact_import: ContactImport, user: User | None = None) -> Export:
    log(
        instance=contact_import,
        action="wagtail_gdpr_newsletter.export_left_out",
        user=user,
        data={"rows": contact_import.left_out.count()},
    )
    # The rows are made when the request, and its language, are over.
    reasons = {each.value: str(each.label) for each in (*RowOutcome, *Fault)}
    heading = [_("line"), _("why it was not imported"), *contact_import.headers]
    rows = contact_import.left_out.iterator(chunk_size=1000)
    return Export(
        f"not-imported-{contact_import.pk}.csv",
        "text/csv; charset=utf-8",
        as_csv(heading, _cells(rows, reasons)),
    )


def _cells(rows: Iterator[LeftOutRow], reasons: dict[str, str]) -> Iterator[list[str]]:
    for row in rows:
        said = filter(None, [reasons[row.outcome], reasons.get(row.fault)])
        yield [str(row.line), ": ".join(said), *row.cells]

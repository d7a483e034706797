"""What the forms of campaigns and address books share."""

from __future__ import annotations

from typing import Any

from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.models import Site


class SiteForm(WagtailAdminModelForm):
    """A form for what belongs to one site: it asks for which one only where there are several."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.site_id:
            self.instance.site = Site.objects.filter(is_default_site=True).first()
            self.initial["site"] = self.instance.site
        if Site.objects.count() == 1:
            self.fields.pop("site", None)

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NewsletterConfig(AppConfig):
    name = "wagtail_gdpr_newsletter"
    verbose_name = _("Newsletter")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from anymail.signals import tracking

        from . import checks, signal_handlers  # noqa: F401 -- importing registers the checks

        tracking.connect(signal_handlers.take_tracking_event)
        post_migrate.connect(signal_handlers.schedule_jobs, sender=self)

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NewsletterConfig(AppConfig):
    name = "wagtail_gdpr_newsletter"
    verbose_name = _("Newsletter")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        """No check is asked before: without that app our own models cannot be read."""
        if not apps.is_installed("wagtail.contrib.forms"):
            raise ImproperlyConfigured(
                "wagtail_gdpr_newsletter needs Wagtail's form builder: add "
                '"wagtail.contrib.forms" to INSTALLED_APPS.'
            )
        super().import_models()

    def ready(self) -> None:
        from anymail.signals import tracking

        from . import checks, signal_handlers  # noqa: F401 -- importing registers the checks

        tracking.connect(signal_handlers.take_tracking_event)
        post_migrate.connect(signal_handlers.schedule_jobs, sender=self)

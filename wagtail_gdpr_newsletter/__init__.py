"""A newsletter for Wagtail, lawful under the GDPR by construction."""

__version__ = "0.1.0"

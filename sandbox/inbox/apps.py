from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "sandbox.inbox"
    label = "inbox"

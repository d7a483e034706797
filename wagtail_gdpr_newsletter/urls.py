"""The public pages; a site includes them at `newsletter/`, before Wagtail's catch-all."""

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from .links import NAMESPACE
from .views import my_data, signup, unsubscribe

app_name = NAMESPACE


class PrimaryKeyConverter(IntConverter):
    """No larger than a database takes."""

    regex = "[0-9]{1,18}"


register_converter(PrimaryKeyConverter, "pk")

urlpatterns = [
    path("subscribe/", signup.subscribe, name="subscribe"),
    path("subscribe/<str:token>/", signup.subscribed, name="subscribed"),
    path("confirm/<str:token>/", signup.confirm, name="confirm"),
    path("unsubscribe/undo/", unsubscribe.resubscribe, name="resubscribe"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("unsubscribe/<str:token>/<pk:campaign>/", unsubscribe.unsubscribe, name="unsubscribe"),
    # One-click posts are never redirected, not even for a slash (M2).
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe),
    path("unsubscribe/<str:token>/<pk:campaign>", unsubscribe.unsubscribe),
    path("my-data/<str:token>/", my_data.my_data, name="my_data"),
]

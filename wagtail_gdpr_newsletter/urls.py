"""The public pages; a site includes them at `newsletter/`, before Wagtail's catch-all."""

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from .links import NAMESPACE
from .views import my_data, my_rights, signup, unsubscribe

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
    path("my-data/", my_data.my_data, name="my_data"),
    path("my-data/close/", my_data.close, name="my_data_close"),
    path("my-data/download/", my_rights.download, name="my_data_download"),
    path("my-data/details/", my_rights.details, name="my_data_details"),
    path("my-data/address/", my_rights.address, name="my_data_address"),
    path("my-data/answers/", my_rights.answers, name="my_data_answers"),
    path("my-data/join/", my_rights.join, name="my_data_join"),
    path("my-data/leave/", my_rights.leave, name="my_data_leave"),
    path("my-data/restrict/", my_rights.restrict, name="my_data_restrict"),
    path("my-data/object/", my_rights.object_to_mail, name="my_data_object"),
    path("my-data/message/", my_rights.message, name="my_data_message"),
    path("my-data/erase/", my_rights.erase, name="my_data_erase"),
    path("my-data/open/<str:token>/", my_data.open_by_link, name="my_data_open"),
    path("my-data/new-address/<str:token>/", my_data.new_address, name="my_data_new_address"),
    # The link at the foot of every newsletter; last, because its token may be anything.
    path("my-data/<str:token>/", my_data.from_newsletter, name="my_data"),
    path("my-data/<str:token>/<pk:campaign>/", my_data.from_newsletter, name="my_data"),
]

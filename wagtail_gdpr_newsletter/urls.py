"""The public pages; a site includes them at `newsletter/`, before Wagtail's catch-all."""

from django.urls import path

from .links import NAMESPACE
from .views import my_data, signup, unsubscribe

app_name = NAMESPACE

urlpatterns = [
    path("subscribe/", signup.subscribe, name="subscribe"),
    path("subscribe/<str:token>/", signup.subscribed, name="subscribed"),
    path("confirm/<str:token>/", signup.confirm, name="confirm"),
    path("unsubscribe/undo/", unsubscribe.resubscribe, name="resubscribe"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("unsubscribe/<str:token>/<int:campaign>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("my-data/<str:token>/", my_data.my_data, name="my_data"),
]

from django.urls import path

from . import views

app_name = "inbox"

urlpatterns = [
    path("", views.index, name="index"),
    path("empty/", views.empty, name="empty"),
    path("<slug:id>/", views.read, name="read"),
    path("<slug:id>/one-click/", views.one_click, name="one_click"),
    path("<slug:id>/html/", views.html, name="html"),
]

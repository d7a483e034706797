from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, re_path
from django.views.static import serve
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

urlpatterns = [
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("newsletter/", include("wagtail_gdpr_newsletter.urls")),
    path("anymail/", include("anymail.urls")),
    path("inbox/", include("sandbox.inbox.urls")),
    re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
]

# English at /, Italian at /it/; last, because Wagtail takes every address that is left.
urlpatterns += i18n_patterns(path("", include(wagtail_urls)), prefix_default_language=False)

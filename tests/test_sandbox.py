"""The sandbox's own parts that its main job does not show."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from wagtail.images import get_image_model
from wagtail.models import Page

from sandbox.supervisor import free_port
from wagtail_gdpr_newsletter.models import AddressBook, Campaign, WordingVersion


@pytest.fixture
def own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def load() -> dict:
    out = io.StringIO()
    call_command("load_demo", "--json", stdout=out)
    return json.loads(out.getvalue())


def test_loading_the_demo_twice_makes_nothing_twice(db, own_media):
    counted = []
    for _again in range(2):
        facts = load()
        models = (Page, get_image_model(), AddressBook, WordingVersion, Campaign)
        counted.append([model.objects.count() for model in models] + [facts])
    assert counted[0] == counted[1]
    assert get_user_model().objects.get().check_password("admin")


def test_a_port_that_is_taken_is_stepped_over_and_said():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said: list[str] = []
        assert free_port(port, name="site", say=said.append) > port
    assert f"Port {port} is taken" in said[0]

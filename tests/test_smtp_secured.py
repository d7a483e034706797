"""Mail servers that want to be spoken to in private, and to know with whom they speak."""

from __future__ import annotations

import pytest

from tests import certificates, factories
from tests.mailers import use_server
from tests.smtp_server import Manners, serving

pytestmark = pytest.mark.django_db

LOGIN = {"username": "news", "password": "s3cret"}
#: Far more than one record of TLS carries.
LONG = [("text", f"<p>{'Die Zitronen blühen. ' * 5000}</p>")]


@pytest.fixture
def crowd(book):
    for number in range(20):
        factories.make_subscription(book, f"reader{number}@example.org")


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    path = certificates.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def secured(certificate, **manners) -> Manners:
    login = (LOGIN["username"], LOGIN["password"])
    return Manners(tls=certificates.server_side(certificate), login=login, **manners)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_everybody_gets_one_copy_over_tls_after_a_login(
    book, crowd, send, certificate, pipelining, at_once
):
    manners = secured(certificate, tls_at_once=at_once, pipelining=pipelining, delay=0.001)
    options = LOGIN | ({"use_ssl": True} if at_once else {"use_tls": True})
    with serving(manners) as server, use_server(server, **options):
        campaign = send(factories.make_campaign(book, body=LONG))
    assert campaign.deliveries.counted() == {"sent": 20}
    assert len(set(server.recipients)) == len(server.recipients) == 20
    assert server.logins == server.most_at_once == 8
    assert min(len(each.octets) for each in server.received) > 100_000


def test_a_wrong_password_pauses_the_campaign_until_somebody_has_mended_it(
    book, crowd, send, certificate
):
    wrong = {"username": "news", "password": "guessed"}
    with serving(secured(certificate)) as server, use_server(server, use_tls=True, **wrong):
        campaign = send(factories.make_campaign(book))
    assert (campaign.send_status, campaign.deliveries.counted()) == ("paused", {"pending": 20})
    assert "535" in campaign.trouble
    assert server.received == []


def test_nothing_leaves_where_the_servers_certificate_is_not_trusted(book, crowd, send, tmp_path):
    manners = secured(certificates.make(tmp_path))
    with serving(manners) as server, use_server(server, use_tls=True, **LOGIN):
        campaign = send(factories.make_campaign(book))
    assert (campaign.send_status, campaign.deliveries.counted()) == ("paused", {"pending": 20})
    assert "SSLCertVerificationError" in campaign.trouble
    assert server.received == []

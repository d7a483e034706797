"""What a campaign looks like: HTML that holds in every mail program, and text that reads by itself."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.core.files.base import ContentFile
from wagtail.images import get_image_model

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.blocks import ButtonBlock
from wagtail_gdpr_newsletter.rendering.newsletter import RenderingFailed

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'

pytestmark = pytest.mark.django_db


@pytest.fixture
def rendered(book):
    def render(*body, **campaign):
        return factories.make_campaign(book, body=list(body), **campaign).render()

    return render


def soup_of(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def test_links_and_images_lead_home_from_an_inbox(site, rendered):
    page = factories.make_page(site, body=[], title="Lemons")
    image = factories.make_image()
    message = rendered(
        ("text", f'<p>See <a linktype="page" id="{page.pk}">the lemons</a>.</p>'),
        ("image", {"image": image, "alt_text": "A lemon tree", "decorative": False}),
        ("button", {"label": "Read on", "page": page, "url": ""}),
        ("page_teaser", {"page": page, "link_label": ""}),
    )
    soup = soup_of(message.html)
    for tag, attribute in (("a", "href"), ("img", "src")):
        for element in soup.find_all(tag):
            assert element[attribute].startswith(("https://testserver/", "mailto:", "{"))
    assert f"the lemons ({page.full_url})" in message.text
    assert f"Read on: {page.full_url}" in message.text
    assert "[A lemon tree]" in message.text


def test_an_image_is_described_or_marked_decorative(rendered):
    image = factories.make_image("photo.jpg")
    described = rendered(
        ("image", {"image": image, "alt_text": "A lemon tree", "decorative": False})
    )
    decorative = rendered(("image", {"image": image, "alt_text": "", "decorative": True}))
    assert soup_of(described.html).img["alt"] == "A lemon tree"
    assert soup_of(decorative.html).img["alt"] == ""
    assert soup_of(described.html).img["src"].endswith(".jpg"), "not every mail program shows WebP"


def test_what_is_transparent_stays_so_and_nothing_is_blown_up(rendered):
    logo = factories.make_image("logo.png", size=(300, 100), mode="RGBA")
    image = soup_of(
        rendered(("image", {"image": logo, "alt_text": "", "decorative": True})).html
    ).select_one("img[src*=logo]")
    assert image["src"].endswith(".png")
    assert image["width"] == "300"


def test_an_svg_is_refused_and_breaks_nothing(rendered, book):
    svg = get_image_model().objects.create(
        title="Drawing", width=10, height=10, file=ContentFile(SVG, name="drawing.svg")
    )
    body = [("image", {"image": svg, "alt_text": "", "decorative": True})]
    assert "drawing" not in rendered(*body).html
    campaign = factories.make_campaign(book, body=body)
    assert "SVG" in " ".join(actions.reasons_against_sending(campaign))


def test_a_picture_whose_file_is_gone_is_said_so(site, book):
    image = factories.make_image()
    body = [("image", {"image": image, "alt_text": "", "decorative": True})]
    campaign = factories.make_campaign(book, body=body)
    image.file.storage.delete(image.file.name)
    (reason,) = [
        reason for reason in actions.reasons_against_sending(campaign) if "image" in reason
    ]
    assert "cannot be read" in reason


def test_lines_are_as_long_as_people_type_them_and_personal_words_stay_whole(rendered):
    words = "word " * 12
    text = rendered(("text", f"<p>{words} {{name|dear reader of ours}} {words}</p>")).text
    body = text.split("-- \n")[0]
    assert "{name|dear reader of ours}" in body
    assert max(map(len, body.splitlines())) <= 78


def test_there_is_one_first_heading_and_the_others_are_below_it(rendered):
    """W3."""
    soup = soup_of(rendered(("heading", "Spring"), ("heading", "Summer")).html)
    assert [heading.get_text() for heading in soup.find_all("h1")] == ["Spring"]
    assert [heading.get_text() for heading in soup.find_all("h2")] == ["Summer"]


def test_a_teaser_takes_title_summary_and_image_from_the_page(site, rendered):
    page = factories.make_page(site, body=[], title="Lemons & more")
    page.introduction = "They are out."
    page.save()
    message = rendered(("page_teaser", {"page": page, "link_label": "See them"}))
    assert "Lemons &amp; more" in message.html
    assert f"Lemons & more\nThey are out.\nSee them: {page.full_url}" in message.text


def test_a_page_may_say_itself_how_it_is_teased(site, rendered, monkeypatch):
    from sandbox.home.models import StandardPage
    from wagtail_gdpr_newsletter.blocks.email import Teaser

    monkeypatch.setattr(
        StandardPage, "newsletter_teaser", lambda page: Teaser("My own title"), raising=False
    )
    page = factories.make_page(site, body=[])
    assert "My own title" in rendered(("page_teaser", {"page": page, "link_label": ""})).text


def test_a_page_that_was_deleted_since_leaves_no_hole(site, rendered):
    message = rendered(("page_teaser", {"page": None, "link_label": ""}), ("text", "<p>Hello</p>"))
    assert "Hello" in message.text


def test_the_text_part_reads_by_itself(rendered):
    text = rendered(
        ("heading", "Spring & co"),
        ("text", "<p>Dear <b>all</b>,</p><ul><li>one</li><li>two</li></ul>"),
        ("divider", None),
        ("spacer", "32"),
        ("text", '<p>Write to <a href="mailto:a@example.org">a@example.org</a></p>'),
    ).text
    body = text.split("-- \n")[0]
    assert body == (
        "Spring & co\n------------------------\n\nDear all,\n\n  * one\n  * two\n\n"
        "* * *\n\nWrite to a@example.org\n\n"
    )


def test_no_mail_asks_a_third_party_for_anything(rendered):
    html = rendered(("heading", "Spring"), ("text", "<p>x</p>")).html
    assert not soup_of(html).find_all("link")
    assert "@import" not in html
    assert "googleapis" not in html
    assert "&amp;#183;" not in html


def test_the_html_has_what_screen_readers_need(rendered):
    """W3."""
    soup = soup_of(rendered(("heading", "Spring"), ("text", "<p>x</p>"), language="it").html)
    assert soup.html["lang"] == "it"
    assert soup.title.get_text()
    assert soup.h1.get_text() == "Spring"
    for table in soup.find_all("table"):
        assert table.get("role") in ("presentation", "none")


def test_what_editors_write_is_text_and_never_markup(rendered):
    message = rendered(("heading", "<script>alert(1)</script> & {{ x }}"))
    assert "<script>" not in message.html
    assert "<script>alert(1)</script> & {{ x }}" in message.text


@pytest.mark.parametrize("value", [{"page": None, "url": ""}, {"page": 1, "url": "https://x.org"}])
def test_a_button_leads_to_one_place(value):
    from django.core.exceptions import ValidationError
    from wagtail.models import Page

    if value["page"]:
        value = value | {"page": Page.objects.first()}
    block = ButtonBlock()
    with pytest.raises(ValidationError):
        block.clean(block.normalize({"label": "Go", **value}))


def overriding(tmp_path, settings, **templates: str) -> None:
    folder = tmp_path / "wagtail_gdpr_newsletter" / "emails"
    folder.mkdir(parents=True)
    for name, content in templates.items():
        (folder / f"{name}.mjml").write_text(content)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [engine | {"DIRS": [str(tmp_path)]}]


def test_a_template_of_the_site_cannot_take_the_footer_out(tmp_path, settings, rendered):
    """I3."""
    overriding(tmp_path, settings, campaign="<mjml><mj-body><mj-raw>Mine</mj-raw></mj-body></mjml>")
    message = rendered(("text", "<p>x</p>"))
    assert "{unsubscribe_url}" in message.html
    assert "{my_data_url}" in message.html


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "<mjml><mj-body><mj-raw><!-- </mj-raw></mj-body></mjml>",
            "hides the footer|cannot be read",
        ),
        (
            "<mjml><mj-head><mj-style>.footer { display: none }</mj-style></mj-head>"
            "<mj-body></mj-body></mjml>",
            "hides the footer",
        ),
        (
            "<mjml><mj-head><mj-style>@import url(x.css);</mj-style>"
            "<mj-style>.footer { display:/**/none }</mj-style></mj-head><mj-body></mj-body></mjml>",
            "hides the footer",
        ),
        (
            "<mjml><mj-head><mj-style>@media screen { .footer-text a { opacity:0; } }</mj-style>"
            "</mj-head><mj-body></mj-body></mjml>",
            "hides the footer",
        ),
        ("<mjml></mjml>", "no closing"),
        ("<mjml><mj-body><oops</mj-body></mjml>", "cannot be read"),
    ],
)
def test_a_template_that_breaks_the_message_is_refused(
    tmp_path, settings, rendered, template, said
):
    overriding(tmp_path, settings, campaign=template)
    with pytest.raises(RenderingFailed, match=said):
        rendered(("text", "<p>x</p>"))


def test_previews_show_both_sides_with_fallbacks(book):
    campaign = factories.make_campaign(book, subject="For {name|you}")
    html = campaign.make_preview_request(preview_mode="html").content.decode()
    assert "Dear reader" in html
    assert "Seed letter" in html
    text = campaign.make_preview_request(preview_mode="text")
    assert text["Content-Type"].startswith("text/plain")
    assert "Dear reader" in text.content.decode()


def test_a_campaign_that_is_just_begun_can_be_previewed(site):
    from wagtail_gdpr_newsletter.models import Campaign

    empty = Campaign(site=site, language="en")
    assert empty.make_preview_request(preview_mode="html").status_code == 200

from collections import Counter

from django.db import migrations, models


def open_ledgers(apps, schema_editor):
    """What was on the wire when the site stopped is in doubt; what was claimed before that is due again."""
    deliveries = apps.get_model("wagtail_gdpr_newsletter", "Delivery").objects
    ledgers = apps.get_model("wagtail_gdpr_newsletter", "Ledger").objects
    campaigns = apps.get_model("wagtail_gdpr_newsletter", "Campaign").objects
    claimed = deliveries.filter(status="claimed")
    claimed.filter(attempted_at__isnull=False).update(
        status="unknown", sent_at=models.F("attempted_at")
    )
    claimed.update(status="pending")
    deliveries.filter(status="pending").update(retry_at=None)
    for campaign in campaigns.exclude(send_status="draft"):
        theirs = deliveries.filter(campaign=campaign)
        ledgers.create(
            campaign=campaign,
            size=theirs.count(),
            is_complete=campaign.send_status != "preparing",
            tally=Counter(theirs.exclude(status="pending").values_list("status", flat=True)),
            reasons=Counter(
                theirs.exclude(error="").exclude(status="pending").values_list("error", flat=True)
            ),
        )


def close_ledgers(apps, schema_editor):
    """The release before knew neither a pause nor an end before the end."""
    deliveries = apps.get_model("wagtail_gdpr_newsletter", "Delivery").objects
    campaigns = apps.get_model("wagtail_gdpr_newsletter", "Campaign").objects
    deliveries.filter(status="cancelled").update(status="skipped")
    campaigns.filter(send_status="paused").update(send_status="sending")
    campaigns.filter(send_status="cancelled").update(send_status="sent")


class Migration(migrations.Migration):
    """Apart from the changes of tables before and after it, as PostgreSQL wants it."""

    dependencies = [
        ('wagtail_gdpr_newsletter', '0003_ledgers_and_lanes'),
    ]

    operations = [
        migrations.RunPython(open_ledgers, close_ledgers),
    ]

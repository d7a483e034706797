from django.db import migrations, models
from django.utils.timezone import now


def make_batches(apps, schema_editor):
    """What a lane has claimed, and may have on the wire, stays so."""
    for lane in apps.get_model("wagtail_gdpr_newsletter", "Lane").objects.exclude(claimed=[]):
        looked_at = lane.looked_at or now()
        lane.batches = [
            {
                "looked_at": looked_at.isoformat(),
                "granted_at": lane.granted_at,
                "deliveries": lane.claimed,
            }
        ]
        lane.save(update_fields=["batches"])


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_gdpr_newsletter', '0006_room_for_outcomes'),
    ]

    operations = [
        migrations.AddField(
            model_name='lane',
            name='batches',
            field=models.JSONField(default=list),
        ),
        # Back there is no way for them: what was claimed is due again once nothing else is.
        migrations.RunPython(make_batches, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name='lane',
            name='claimed',
        ),
        migrations.RemoveField(
            model_name='lane',
            name='granted_at',
        ),
        migrations.RemoveField(
            model_name='lane',
            name='looked_at',
        ),
    ]

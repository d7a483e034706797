from django.db import migrations, models


class Migration(migrations.Migration):
    """What a lane of the release before has claimed is found by nobody, and due again once its campaign has no
    other work."""

    dependencies = [
        ('wagtail_gdpr_newsletter', '0006_room_for_outcomes'),
    ]

    operations = [
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
        migrations.AddField(
            model_name='lane',
            name='batches',
            field=models.JSONField(default=list),
        ),
    ]

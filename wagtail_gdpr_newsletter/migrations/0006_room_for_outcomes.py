from django.db import migrations, models


def make_room(apps, schema_editor):
    """For each line's outcome in the page where the line is: PostgreSQL then leaves the indexes alone (HOT).

    A line is written twice as a rule, and the second time it is longer by the books.
    """
    _alter_table(apps, schema_editor, "SET (fillfactor = 45)")


def take_room_back(apps, schema_editor):
    _alter_table(apps, schema_editor, "RESET (fillfactor)")


def _alter_table(apps, schema_editor, change):
    if schema_editor.connection.vendor == "postgresql":
        delivery = apps.get_model("wagtail_gdpr_newsletter", "Delivery")
        table = schema_editor.quote_name(delivery._meta.db_table)
        schema_editor.execute(f"ALTER TABLE {table} {change}")


class Migration(migrations.Migration):
    """No line is moved, so that it takes no time: those that are written from now on have the room."""

    dependencies = [
        ('wagtail_gdpr_newsletter', '0005_schedule_and_pace'),
    ]

    operations = [
        migrations.AlterField(
            model_name='suppression',
            name='reason',
            field=models.CharField(choices=[('withdrawal', 'unsubscribed'), ('objection', 'objected'), ('complaint', 'complained of spam'), ('bounce', 'address takes no mail'), ('erasure', 'had their data erased'), ('moved', 'moved to another address')], max_length=16),
        ),
        migrations.AddField(
            model_name='lane',
            name='granted_at',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='ledger',
            name='quiet_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(make_room, take_room_back),
    ]

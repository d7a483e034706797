from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('wagtail_gdpr_newsletter', '0011_audience'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='only_answers',
            field=models.JSONField(blank=True, default=list, verbose_name='only readers who have answered'),
        ),
    ]

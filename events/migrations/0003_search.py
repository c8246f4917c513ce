from django.db import migrations, models

from events import search_index


def install(apps, schema_editor):
    search_index.install(schema_editor.connection)


def remove(apps, schema_editor):
    search_index.remove(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0002_kept'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='exported_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='Since then retention spares it, as if it were kept.', null=True),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['risk_level', '-started_at', '-id'], name='event_level'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['risk_score'], name='event_score'),
        ),
        migrations.RunPython(install, remove, elidable=False),
    ]

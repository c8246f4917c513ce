from django.db import migrations, models

ROLES = ('viewer', 'operator', 'admin')


def make_groups(apps, schema_editor):
    for name in ROLES:
        apps.get_model('auth', 'Group').objects.get_or_create(name=name)


def remove_empty_groups(apps, schema_editor):
    apps.get_model('auth', 'Group').objects.filter(name__in=ROLES, user=None).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('hsi', '0003_circuit_breaker'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('who', models.CharField(max_length=64)),
                ('address', models.CharField(blank=True, help_text='For an IPv6 network: its first address.', max_length=45)),
                ('at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['address', 'at'], name='loginfailure_address'), models.Index(fields=['at'], name='loginfailure_at')],
            },
        ),
        migrations.RunPython(make_groups, remove_empty_groups),
    ]

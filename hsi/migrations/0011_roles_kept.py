from django.db import migrations

ROLES = ('viewer', 'operator', 'admin')


def keep_roles(apps, schema_editor):
    """A user in none of the groups was an operator until now, and from now on would be a viewer."""
    operator, _ = apps.get_model('auth', 'Group').objects.get_or_create(name='operator')
    without = apps.get_model('auth', 'User').objects.exclude(groups__name__in=ROLES).exclude(is_superuser=True)
    operator.user_set.add(*without)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('hsi', '0010_token_name'),
    ]

    operations = [
        # Back again nothing has to be undone: an operator in the group is what one without a group was.
        migrations.RunPython(keep_roles, migrations.RunPython.noop),
    ]

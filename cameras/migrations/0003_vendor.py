from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("cameras", "0002_what_counts")]

    operations = [migrations.RenameField("camera", "make", "vendor")]

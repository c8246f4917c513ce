from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='StorageSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recorded_at', models.DateTimeField(db_index=True)),
                ('total_bytes', models.BigIntegerField(blank=True, null=True)),
                ('free_bytes', models.BigIntegerField(blank=True, null=True)),
                ('originals_bytes', models.BigIntegerField()),
                ('quarantine_bytes', models.BigIntegerField()),
                ('thumbnails_bytes', models.BigIntegerField(blank=True, null=True)),
                ('database_bytes', models.BigIntegerField(blank=True, null=True)),
                ('cameras', models.JSONField(blank=True, default=dict, help_text='Bytes of originals by camera.')),
            ],
        ),
        migrations.CreateModel(
            name='GpuSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recorded_at', models.DateTimeField()),
                ('host', models.CharField(max_length=120)),
                ('gpu', models.PositiveSmallIntegerField(help_text="The card's number on its machine.")),
                ('name', models.CharField(max_length=120)),
                ('utilization_percent', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('memory_used_bytes', models.BigIntegerField(blank=True, null=True)),
                ('memory_total_bytes', models.BigIntegerField(blank=True, null=True)),
                ('temperature_celsius', models.SmallIntegerField(blank=True, null=True)),
                ('power_watts', models.FloatField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['-recorded_at', '-id'], name='gpusample_time')],
            },
        ),
        migrations.CreateModel(
            name='JobRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('outcome', models.CharField(choices=[('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('stopped', 'stopped')], default='running', max_length=7)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('counts', models.JSONField(blank=True, default=dict)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('request', models.JSONField(blank=True, editable=False, null=True)),
                ('requested_by', models.CharField(blank=True, help_text='Empty for housekeeping.', max_length=150)),
                ('total', models.PositiveBigIntegerField(blank=True, editable=False, null=True)),
                ('cursor', models.BigIntegerField(default=0, editable=False, help_text='The last row that was dealt with.')),
            ],
            options={
                'indexes': [models.Index(fields=['-started_at', '-id'], name='jobrun_time'), models.Index(fields=['name', '-started_at', '-id'], name='jobrun_name'), models.Index(condition=models.Q(('outcome', 'running'), ('request__isnull', False)), fields=['id'], name='jobrun_requested')],
            },
        ),
        migrations.CreateModel(
            name='LogEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField()),
                ('level', models.SmallIntegerField(choices=[(10, 'DEBUG'), (20, 'INFO'), (30, 'WARNING'), (40, 'ERROR'), (50, 'CRITICAL')])),
                ('component', models.CharField(help_text='The logger.', max_length=120)),
                ('message', models.TextField()),
                ('stack', models.TextField(blank=True)),
                ('request_id', models.CharField(blank=True, max_length=64)),
                ('camera', models.CharField(blank=True, max_length=64)),
                ('upload', models.BigIntegerField(blank=True, null=True)),
                ('batch', models.BigIntegerField(blank=True, null=True)),
                ('event', models.BigIntegerField(blank=True, null=True)),
                ('queue', models.CharField(blank=True, max_length=40)),
                ('duration_seconds', models.FloatField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'log entries',
                'indexes': [models.Index(fields=['-created_at', '-id'], name='logentry_time'), models.Index(condition=models.Q(('level__gte', 30)), fields=['-created_at', '-id'], name='logentry_trouble'), models.Index(condition=models.Q(('camera', ''), _negated=True), fields=['camera', '-created_at', '-id'], name='logentry_camera'), models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['request_id'], name='logentry_request'), models.Index(condition=models.Q(('upload__isnull', False)), fields=['upload'], name='logentry_upload'), models.Index(condition=models.Q(('batch__isnull', False)), fields=['batch'], name='logentry_batch')],
            },
        ),
    ]

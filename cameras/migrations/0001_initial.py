import cameras.labels
import cameras.models.cameras
import cameras.naming.recorder_channels
import cameras.vendors
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Camera',
            fields=[
                ('id', models.SlugField(max_length=64, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120)),
                ('folder', models.TextField(help_text='First folder below the camera root, spelled as on disk.', unique=True)),
                ('time_zone', models.CharField(blank=True, help_text="The camera's own time zone. Leave empty for the site's time zone.", max_length=64, validators=[cameras.models.cameras.validate_time_zone])),
                ('clock_correction_seconds', models.IntegerField(blank=True, default=0, help_text='Seconds added to the time in file names. Use it for a clock that cannot be set.', validators=[django.core.validators.MinValueValidator(-93600), django.core.validators.MaxValueValidator(93600)])),
                ('clock_offset_seconds', models.IntegerField(editable=False, help_text="Seconds by which the camera's clock is steadily ahead. Negative: behind.", null=True)),
                ('channel_pattern', models.CharField(blank=True, help_text='For a recorder: where file names hold the channel, such as NVR_{channel}_. Each channel becomes a camera of its own.', max_length=120, validators=[cameras.naming.recorder_channels.validate_pattern])),
                ('vendor', models.CharField(blank=True, choices=cameras.vendors.choices, help_text='The vendor. It decides only which set-up instructions are shown.', max_length=20)),
                ('expected_interval_seconds', models.PositiveIntegerField(blank=True, help_text='Mark the camera offline after this many seconds without a file. Leave empty to disable.', null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(2592000)])),
                ('place', models.CharField(blank=True, choices=[('street', 'street'), ('entrance', 'entrance'), ('driveway', 'driveway'), ('private', 'private ground'), ('indoor', 'indoors')], help_text='What the camera looks at. It does not change what counts.', max_length=8)),
                ('labels', models.JSONField(blank=True, default=list, help_text="Labels and groups of labels that count here. Leave empty for the site's list.", validators=[cameras.labels.validate_labels])),
                ('thresholds', models.JSONField(blank=True, default=dict, help_text="Lowest confidence that counts here, by label or group. It comes before the site's.", validators=[cameras.labels.validate_shares])),
                ('min_sizes', models.JSONField(blank=True, default=dict, help_text="Smallest size that counts here, by label or group, as a share of the picture's area.", validators=[cameras.labels.validate_shares])),
                ('max_sizes', models.JSONField(blank=True, default=dict, help_text="Largest size that counts here, by label or group, as a share of the picture's area.", validators=[cameras.labels.validate_shares])),
                ('offline_since', models.DateTimeField(editable=False, help_text='When an offline camera sent its last file.', null=True)),
                ('view', models.CharField(choices=[('ok', 'ok'), ('frozen', 'frozen'), ('black', 'black'), ('covered', 'covered'), ('blurred', 'blurred'), ('turned', 'turned')], db_default='ok', default='ok', editable=False, help_text='What is wrong with the pictures.', max_length=7)),
                ('view_since', models.DateTimeField(editable=False, help_text='When `view` last changed.', null=True)),
                ('enabled', models.BooleanField(default=True, help_text='The files of a paused camera wait in their folder.')),
                ('reuses_names', models.BooleanField(db_default=False, default=False, editable=False, help_text='The camera overwrites its files, so each file is copied when it arrives.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Garbage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('root', models.CharField(choices=[('cameras', 'camera folder'), ('data', 'data folder')], max_length=7)),
                ('path', models.TextField(help_text='Path below the root. Undecodable bytes are written as \\xNN.')),
                ('size', models.BigIntegerField(blank=True, null=True)),
                ('mtime_ns', models.BigIntegerField(blank=True, null=True)),
                ('version_key', models.CharField(blank=True, db_index=True, max_length=64)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name_plural': 'garbage',
            },
        ),
        migrations.CreateModel(
            name='IntakeProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('folder', models.TextField(blank=True, help_text='First folder below the camera root, spelled as on disk.')),
                ('kind', models.CharField(choices=[('unreadable_file', 'files that cannot be read'), ('unreadable_folder', 'folders that cannot be read'), ('unknown', 'files of an unknown kind'), ('too_deep', 'folders that are too deep'), ('failing', 'files that cannot be accepted now'), ('unwatched', 'folders without file events'), ('missed', 'files without a file event'), ('spool_full', 'files that wait for room in the spool')], max_length=17)),
                ('count', models.PositiveIntegerField()),
                ('example', models.TextField(blank=True)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('since', models.DateTimeField()),
            ],
            options={
                'ordering': ['folder', 'kind'],
                'constraints': [models.UniqueConstraint(fields=('folder', 'kind'), name='intakeproblem_once')],
            },
        ),
        migrations.CreateModel(
            name='Zone',
            fields=[
                ('id', models.SlugField(max_length=64, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120)),
                ('polygon', models.JSONField(help_text='Corners as [x, y] in 0 to 1, the origin at the top left.')),
                ('kind', models.CharField(blank=True, choices=[('street', 'street'), ('entrance', 'entrance'), ('driveway', 'driveway'), ('private', 'private ground'), ('ignore', 'ignored')], help_text='What the area is. Objects that stand in an ignored area start no event.', max_length=8)),
                ('labels', models.JSONField(blank=True, default=list, help_text='Labels and groups of labels that an ignored area applies to. Empty: all.', validators=[cameras.labels.validate_labels])),
                ('enabled', models.BooleanField(default=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False, help_text='Increases with every change.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='zones', to='cameras.camera')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='CameraGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='cameras.camera')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='camera_grants', to='auth.group')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='camera_grants', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('user__isnull', False)), models.Q(('group__isnull', False), ('user__isnull', True)), _connector='OR'), name='cameragrant_user_or_group'), models.UniqueConstraint(fields=('camera', 'user'), name='cameragrant_once_a_user'), models.UniqueConstraint(fields=('camera', 'group'), name='cameragrant_once_a_group')],
            },
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.TextField(help_text='Path below the camera root. Undecodable bytes are written as \\xNN.')),
                ('kind', models.CharField(choices=[('image', 'picture'), ('video', 'clip')], default='image', max_length=5)),
                ('size', models.BigIntegerField()),
                ('mtime_ns', models.BigIntegerField()),
                ('version_key', models.CharField(max_length=64)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('dedup_key', models.CharField(blank=True, max_length=64, null=True)),
                ('width', models.PositiveIntegerField(blank=True, null=True)),
                ('height', models.PositiveIntegerField(blank=True, null=True)),
                ('duration_seconds', models.FloatField(blank=True, null=True)),
                ('thumbnail', models.CharField(blank=True, help_text='Path below the data folder.', max_length=200)),
                ('captured_at', models.DateTimeField()),
                ('captured_at_source', models.CharField(choices=[('name', 'file name'), ('exif', 'EXIF'), ('mtime', 'file time'), ('arrival', 'arrival')], max_length=7)),
                ('clock_skew', models.BooleanField(default=False, help_text="The camera's clock was so wrong that the arrival time is used instead.")),
                ('named_ahead_seconds', models.IntegerField(editable=False, help_text='The time in the file name, read as UTC, minus the arrival time.', null=True)),
                ('received_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('detected', 'objects found'), ('empty', 'nothing found'), ('duplicate', 'duplicate'), ('rejected', 'rejected'), ('dead', 'failed')], default='waiting', max_length=9)),
                ('reason', models.CharField(blank=True, help_text='Why it was rejected or failed.', max_length=300)),
                ('quarantine', models.CharField(blank=True, help_text='Path of a rejected file below the data folder.', max_length=600)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('detector', models.CharField(blank=True, max_length=120)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('spool', models.CharField(blank=True, db_default='', default='', editable=False, help_text='Path of a copy below the data folder. The copy is kept until the file is analysed.', max_length=200)),
                ('file_gone', models.BooleanField(default=False, editable=False, help_text='The file was deleted or overwritten after it was accepted.')),
                ('camera', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='uploads', to='cameras.camera')),
                ('duplicate_of', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='repeats', to='cameras.upload')),
            ],
            options={
                'indexes': [models.Index(fields=['camera', '-captured_at', '-id'], name='upload_camera_time'), models.Index(fields=['-captured_at', '-id'], name='upload_time'), models.Index(condition=models.Q(('state', 'waiting')), fields=['id'], name='upload_waiting'), models.Index(fields=['received_at', 'id'], name='upload_received'), models.Index(condition=models.Q(('state', 'rejected')), fields=['received_at', 'id'], name='upload_rejected'), models.Index(condition=models.Q(('file_gone', False)), fields=['camera', 'size'], name='upload_camera_size'), models.Index(fields=['sha256', 'id'], name='upload_content'), models.Index(condition=models.Q(('spool', ''), _negated=True), fields=['id'], name='upload_spooled')],
                'constraints': [models.UniqueConstraint(fields=('version_key', 'camera'), name='upload_one_row_a_version'), models.UniqueConstraint(fields=('camera', 'dedup_key'), name='upload_one_original'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='upload_finished_when_not_waiting')],
            },
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('cameras', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Scene',
            fields=[
                ('camera', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='scene', serialize=False, to='cameras.camera')),
                ('pictures', models.PositiveBigIntegerField(default=0, help_text='Number of pictures and frames.')),
                ('last_picture_at', models.DateTimeField(blank=True, null=True)),
                ('candidates', models.JSONField(blank=True, default=list, help_text='Objects that were seen, and have not stayed long enough to be remembered.')),
                ('view', models.JSONField(blank=True, default=dict, help_text='What the camera usually shows, and its state.')),
            ],
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('open', 'open'), ('closed', 'waiting for analysis'), ('analysed', 'analysed'), ('dead', 'failed'), ('unsure', 'too uncertain for an event')], default='open', max_length=8)),
                ('is_backfill', models.BooleanField(default=False, help_text='Grouped by capture time, because its pictures arrived late.')),
                ('is_fast_path', models.BooleanField(default=False, help_text='Its event was created before the batch closed.')),
                ('detection_count', models.PositiveIntegerField(default=0)),
                ('upload_count', models.PositiveIntegerField(default=0)),
                ('pictures', models.JSONField(default=dict, help_text='Number of pictures and frames by group of labels.')),
                ('is_sure', models.BooleanField(default=False, help_text='One detection is sure, or two pictures show the same group of labels.')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='cameras.camera')),
            ],
            options={
                'verbose_name_plural': 'batches',
            },
        ),
        migrations.CreateModel(
            name='Detection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ordinal', models.PositiveIntegerField(help_text='Position within the upload, from 0.')),
                ('label', models.CharField(max_length=64)),
                ('confidence', models.FloatField()),
                ('x', models.FloatField()),
                ('y', models.FloatField()),
                ('width', models.FloatField()),
                ('height', models.FloatField()),
                ('captured_at', models.DateTimeField()),
                ('frame_offset', models.FloatField(blank=True, help_text='Offset in the clip in seconds.', null=True)),
                ('zones', models.JSONField(blank=True, default=list, help_text='Ids of the zones of the detection when it was stored.')),
                ('track', models.PositiveSmallIntegerField(blank=True, help_text='Number of its object within the event. Empty: not followed.', null=True)),
                ('ignored', models.CharField(blank=True, choices=[('label', 'label does not count'), ('confidence', 'confidence too low'), ('size', 'too small or too large'), ('zone', 'in a zone that is ignored'), ('static', 'stays where it is'), ('unchanged', 'was there before'), ('too_many', 'one of very many')], help_text='Why it does not count. Empty: it counts.', max_length=10)),
                ('batch', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='detections', to='detection.batch')),
                ('camera', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='detections', to='cameras.camera')),
                ('upload', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='detections', to='cameras.upload')),
            ],
        ),
        migrations.CreateModel(
            name='StaticObject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label_group', models.CharField(max_length=64)),
                ('label', models.CharField(max_length=64)),
                ('x', models.FloatField()),
                ('y', models.FloatField()),
                ('width', models.FloatField()),
                ('height', models.FloatField()),
                ('since', models.DateTimeField(help_text='When it was first seen in this place.')),
                ('appeared_at', models.DateTimeField(blank=True, help_text='When it last came. Empty: it was in the first picture.', null=True)),
                ('last_seen_at', models.DateTimeField()),
                ('sightings', models.PositiveIntegerField()),
                ('first_picture', models.PositiveBigIntegerField()),
                ('last_picture', models.PositiveBigIntegerField()),
                ('remembered_at', models.DateTimeField()),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='static_objects', to='cameras.camera')),
            ],
        ),
        migrations.AddIndex(
            model_name='batch',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['due_at'], name='batch_due'),
        ),
        migrations.AddIndex(
            model_name='batch',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['camera', 'started_at'], name='batch_open_camera'),
        ),
        migrations.AddIndex(
            model_name='batch',
            index=models.Index(condition=models.Q(('state', 'closed')), fields=['id'], name='batch_waiting'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.UniqueConstraint(condition=models.Q(('is_backfill', False), ('state', 'open')), fields=('camera',), name='batch_one_open_a_camera'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='batch_closed_when_not_open'),
        ),
        migrations.AddIndex(
            model_name='detection',
            index=models.Index(fields=['camera', '-captured_at', '-id'], name='detection_camera_time'),
        ),
        migrations.AddIndex(
            model_name='detection',
            index=models.Index(fields=['-captured_at', '-id'], name='detection_time'),
        ),
        migrations.AddIndex(
            model_name='detection',
            index=models.Index(fields=['batch', 'label'], name='detection_batch_label'),
        ),
        migrations.AddConstraint(
            model_name='detection',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('batch__isnull', False), ('ignored', '')), models.Q(models.Q(('ignored', ''), _negated=True), ('batch__isnull', True)), _connector='OR'), name='detection_in_a_batch_if_it_counts'),
        ),
        migrations.AddConstraint(
            model_name='detection',
            constraint=models.UniqueConstraint(fields=('upload', 'ordinal'), name='detection_one_set_an_upload'),
        ),
        migrations.AddConstraint(
            model_name='detection',
            constraint=models.CheckConstraint(condition=models.Q(('confidence__gte', 0), ('confidence__lte', 1), ('height__gt', 0), ('width__gt', 0), ('x__gte', 0), ('y__gte', 0), ('height__lte', 1), ('width__lte', 1), ('x__lte', 1), ('y__lte', 1)), name='detection_relative'),
        ),
        migrations.AddIndex(
            model_name='staticobject',
            index=models.Index(fields=['last_seen_at'], name='static_object_seen'),
        ),
    ]

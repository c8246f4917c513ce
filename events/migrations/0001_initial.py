import cameras.models.cameras
import django.core.validators
import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
import events.models.alerts
import uuid
from django.db import migrations, models


from events import search_index


def install(apps, schema_editor):
    """Create the index of words over the events."""
    search_index.install(schema_editor.connection)


def remove(apps, schema_editor):
    """Drop the index of words."""
    search_index.remove(schema_editor.connection)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('cameras', '0001_initial'),
        ('detection', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('enabled', models.BooleanField(default=True)),
                ('severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], default='low', help_text='Minimum level of the event.', max_length=8)),
                ('min_risk', models.PositiveSmallIntegerField(default=0, help_text='Minimum score of the event, 0 to 100.', validators=[django.core.validators.MaxValueValidator(100)])),
                ('labels', models.JSONField(blank=True, default=list, help_text='Labels. One of them must be detected. Empty: any.')),
                ('cameras', models.JSONField(blank=True, default=list, help_text='Ids of cameras. Empty: all.')),
                ('zones', models.JSONField(blank=True, default=list, help_text='Ids of zones. The detection must be in one of them. Empty: everywhere.')),
                ('min_confidence', models.FloatField(default=0, help_text='Minimum confidence of the detection, 0 to 1.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1)])),
                ('min_stay_seconds', models.PositiveIntegerField(default=0, help_text='Seconds that one object must stay: in one of the zones if the rule has zones, else in the picture. 0: no condition.', validators=[django.core.validators.MaxValueValidator(3600)])),
                ('crossing', models.CharField(choices=[('none', 'no condition'), ('entered', 'entered a zone'), ('left', 'left a zone')], default='none', help_text='Whether one object must come into a zone from outside it, or go out of it again. The pictures must show it on both sides.', max_length=7)),
                ('min_people', models.PositiveSmallIntegerField(default=0, help_text='Number of people that one picture must show at once. 0: no condition.', validators=[django.core.validators.MaxValueValidator(50)])),
                ('schedule_days', models.JSONField(blank=True, default=list, help_text='Days from mon to sun. Empty: every day.')),
                ('schedule_start', models.TimeField(blank=True, null=True)),
                ('schedule_end', models.TimeField(blank=True, null=True)),
                ('schedule_timezone', models.CharField(blank=True, help_text='Time zone. Empty: the time zone of the site.', max_length=64, validators=[cameras.models.cameras.validate_time_zone])),
                ('cooldown_seconds', models.PositiveIntegerField(default=300, help_text='Seconds without another alert with the same key, unless its level is higher.', validators=[django.core.validators.MaxValueValidator(2592000)])),
                ('dedup_key', models.CharField(default='{camera}', help_text='Alerts with the same key count as the same. A text with {camera}, {rule} or {label}.', max_length=100, validators=[events.models.alerts.validate_template])),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='LanguageModelServer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Name of the circuit breaker.', max_length=40, unique=True)),
                ('configuration', models.CharField(editable=False, help_text='Digest of the settings of the server.', max_length=64)),
                ('address', models.CharField(max_length=500)),
                ('software', models.CharField(blank=True, max_length=40)),
                ('version', models.CharField(blank=True, max_length=100)),
                ('api', models.CharField(max_length=10)),
                ('model', models.CharField(blank=True, max_length=200)),
                ('answer_form', models.CharField(help_text='How the server restricts the answer.', max_length=20)),
                ('fields', models.CharField(help_text='Which fields of a request the server accepts.', max_length=10)),
                ('accepts_pictures', models.BooleanField(help_text='Unknown until a picture was tried.', null=True)),
                ('context_tokens', models.PositiveIntegerField(blank=True, null=True)),
                ('detected_at', models.DateTimeField(help_text='Empty: will be detected before the next judgement.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='NotificationChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('webhook', 'webhook'), ('email', 'e-mail'), ('mqtt', 'MQTT'), ('apprise', 'Apprise')], max_length=7)),
                ('enabled', models.BooleanField(default=True)),
                ('min_severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], default='low', help_text='Minimum level of alerts for this channel.', max_length=8)),
                ('recipients', models.JSONField(blank=True, default=list, help_text='E-mail addresses of the recipients.')),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('target', models.CharField(blank=True, editable=False, max_length=300)),
                ('sealed', models.TextField(blank=True, editable=False)),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name='RejectedAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('kind', models.CharField(max_length=20)),
                ('reason', models.CharField(max_length=500)),
                ('model', models.CharField(blank=True, max_length=200)),
                ('camera_id', models.CharField(blank=True, max_length=100)),
                ('answer', models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('risk_score', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('risk_level', models.CharField(blank=True, choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], max_length=8, null=True)),
                ('risk_source', models.CharField(blank=True, choices=[('llm', 'language model'), ('rules', 'rules')], max_length=5, null=True)),
                ('rule_score', models.PositiveSmallIntegerField(blank=True, help_text='Score by rules, 0 to 100.', null=True)),
                ('model_score', models.PositiveSmallIntegerField(blank=True, help_text='Score of the language model, 0 to 100.', null=True)),
                ('analysis', models.CharField(choices=[('pending', 'being analysed'), ('done', 'analysed'), ('failed', 'analysis failed')], default='pending', max_length=7)),
                ('summary', models.TextField(blank=True)),
                ('reasoning', models.TextField(blank=True)),
                ('recommended_action', models.TextField(blank=True)),
                ('model', models.CharField(blank=True, help_text='Language model of the judgement.', max_length=200)),
                ('labels', models.JSONField(default=list)),
                ('detection_count', models.PositiveIntegerField(default=0)),
                ('people_at_once', models.PositiveSmallIntegerField(default=0, help_text='Largest number of people in one picture.')),
                ('judged_detection_count', models.PositiveIntegerField(default=0, help_text='Number of detections that the judgement knew.')),
                ('is_fast_path', models.BooleanField(default=False)),
                ('is_digest', models.BooleanField(default=False, help_text='Passers-by on the street, gathered for a quarter of an hour.')),
                ('ended', models.BooleanField(default=False, help_text='The visit is over.')),
                ('reviewed', models.BooleanField(default=False)),
                ('kept', models.BooleanField(default=False, help_text='Exempt from retention, with its pictures.')),
                ('exported_at', models.DateTimeField(blank=True, editable=False, help_text='Time of the last export. An exported event is exempt from retention.', null=True)),
                ('held_back_by', models.JSONField(blank=True, default=list, help_text='Alerts whose cool-down prevented an alert. null: an alert of another camera.')),
                ('notes', models.TextField(blank=True)),
                ('snooze_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, help_text='Time of the move to the trash.', null=True)),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='cameras.camera')),
                ('continues', models.ForeignKey(blank=True, help_text='The event that ended shortly before, and may show the same visitor.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='continued_by', to='events.event')),
                ('merged_into', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='merged', to='events.event')),
            ],
            managers=[
                ('with_trash', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('dedup_key', models.CharField(max_length=200)),
                ('window', models.PositiveIntegerField(help_text='Number of the cool-down window.')),
                ('severity', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], max_length=8)),
                ('status', models.CharField(choices=[('open', 'open'), ('acknowledged', 'acknowledged'), ('dismissed', 'dismissed')], default='open', max_length=12)),
                ('handled_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='cameras.camera')),
                ('rule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='alerts', to='events.alertrule')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='events.event')),
            ],
        ),
        migrations.CreateModel(
            name='EventBatch',
            fields=[
                ('batch', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='event_link', serialize=False, to='detection.batch')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batch_links', to='events.event')),
            ],
        ),
        migrations.AddField(
            model_name='event',
            name='batches',
            field=models.ManyToManyField(related_name='events', related_query_name='event', through='events.EventBatch', to='detection.batch'),
        ),
        migrations.CreateModel(
            name='EventFeedback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by', models.CharField(max_length=150)),
                ('verdict', models.CharField(choices=[('right', 'right'), ('false_alarm', 'false alarm'), ('missed', 'missed something'), ('wrong_severity', 'wrong severity')], max_length=14)),
                ('comment', models.CharField(blank=True, max_length=1000)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='feedback', to='events.event')),
            ],
            options={
                'verbose_name_plural': 'feedback',
            },
        ),
        migrations.CreateModel(
            name='Habit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('zone_kind', models.CharField(blank=True, choices=[('street', 'street'), ('entrance', 'entrance'), ('driveway', 'driveway'), ('private', 'private ground'), ('ignore', 'ignored')], help_text='Where it stood. Empty: outside all zones with a kind.', max_length=8)),
                ('label_group', models.CharField(max_length=64)),
                ('day', models.DateField(help_text='In the time zone of the camera.')),
                ('hour', models.PositiveSmallIntegerField(help_text='0 to 23, in the time zone of the camera.')),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='habits', to='cameras.camera')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='habits', to='events.event')),
            ],
        ),
        migrations.CreateModel(
            name='Judgement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('judged_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('duration_seconds', models.FloatField(blank=True, help_text='Duration of the analysis in seconds.', null=True)),
                ('risk_source', models.CharField(choices=[('llm', 'language model'), ('rules', 'rules')], max_length=5)),
                ('risk_score', models.PositiveSmallIntegerField()),
                ('risk_level', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high'), ('critical', 'critical')], max_length=8)),
                ('model', models.CharField(blank=True, max_length=200)),
                ('picture_count', models.PositiveSmallIntegerField(default=0, help_text='Number of pictures that the model saw.')),
                ('prompt_tokens', models.PositiveIntegerField(blank=True, help_text='As the server counted them.', null=True)),
                ('answer_tokens', models.PositiveIntegerField(blank=True, null=True)),
                ('prompt', models.TextField(blank=True)),
                ('answer', models.TextField(blank=True, help_text='The original answer, before corrections.')),
                ('corrections', models.JSONField(blank=True, default=list, help_text='Corrections of the answer.')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='judgements', to='events.event')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(choices=[('first', 'first'), ('update', 'update')], max_length=6)),
                ('state', models.CharField(choices=[('pending', 'waiting'), ('sent', 'sent'), ('failed', 'failed, retrying'), ('dead', 'failed permanently')], default='pending', max_length=7)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('due_at', models.FloatField(blank=True, null=True)),
                ('lease', models.CharField(blank=True, default='', max_length=32)),
                ('sent_content', models.JSONField(blank=True, default=dict)),
                ('reached', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='events.alert')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='events.notificationchannel')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
        migrations.AddField(
            model_name='alertrule',
            name='channels',
            field=models.ManyToManyField(blank=True, related_name='rules', to='events.notificationchannel'),
        ),
        migrations.CreateModel(
            name='Track',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text='Number within the event, from 1, by the first sighting.')),
                ('label_group', models.CharField(max_length=64)),
                ('label', models.CharField(help_text='The most frequent label.', max_length=64)),
                ('labels', models.JSONField(default=list, help_text='All labels of the object, the most frequent first.')),
                ('confidence', models.FloatField(help_text='Highest confidence, 0 to 1.')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('moved', models.BooleanField(default=False, help_text='Whether the object left its first place.')),
                ('entry', models.CharField(choices=[('left', 'left'), ('right', 'right'), ('top', 'top'), ('bottom', 'bottom'), ('centre', 'inside the picture')], max_length=6)),
                ('exit', models.CharField(choices=[('left', 'left'), ('right', 'right'), ('top', 'top'), ('bottom', 'bottom'), ('centre', 'inside the picture')], max_length=6)),
                ('path', models.JSONField(default=list)),
                ('zones', models.JSONField(default=list)),
                ('detection_count', models.PositiveIntegerField()),
                ('best_detection', models.PositiveBigIntegerField(help_text='Id of the most confident detection.')),
                ('event', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tracks', to='events.event')),
            ],
            options={
                'ordering': ['event', 'number'],
            },
        ),
        migrations.CreateModel(
            name='CoolDown',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dedup_key', models.CharField(max_length=200)),
                ('started_at', models.DateTimeField()),
                ('number', models.PositiveIntegerField(default=1)),
                ('level', models.PositiveSmallIntegerField(default=3)),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='events.alertrule')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rule', 'dedup_key'), name='cooldown_one_a_key')],
            },
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['-created_at', '-id'], name='alert_time'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['camera', '-created_at', '-id'], name='alert_camera_time'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['-created_at', '-id'], name='alert_open'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(fields=('rule', 'dedup_key', 'window'), name='alert_one_a_window'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(fields=('event', 'rule'), name='alert_one_an_event_and_rule'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['camera', '-started_at', '-id'], name='event_camera_time'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['-started_at', '-id'], name='event_time'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('reviewed', False)), fields=['-started_at', '-id'], name='event_unreviewed'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('snooze_until__isnull', False)), fields=['camera', 'snooze_until'], name='event_snoozed'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('ended', False)), fields=['ended_at'], name='event_not_ended'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['deleted_at', 'id'], name='event_trash'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['risk_level', '-started_at', '-id'], name='event_level'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['risk_score'], name='event_score'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['risk_source', '-started_at', '-id'], name='event_source'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['analysis', '-started_at', '-id'], name='event_analysis'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('risk_level__isnull', True), ('risk_score__isnull', True), ('risk_source__isnull', True)), models.Q(('risk_level__isnull', False), ('risk_score__isnull', False), ('risk_source__isnull', False), ('risk_score__gte', 0), ('risk_score__lte', 100)), _connector='OR'), name='event_no_score_without_source'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('analysis', 'done'), _negated=True), ('risk_source__isnull', False), _connector='OR'), name='event_judged_has_source'),
        ),
        migrations.AddIndex(
            model_name='eventfeedback',
            index=models.Index(fields=['verdict', 'event'], name='eventfeedback_verdict'),
        ),
        migrations.AddConstraint(
            model_name='eventfeedback',
            constraint=models.UniqueConstraint(fields=('event', 'by'), name='eventfeedback_one_a_person'),
        ),
        migrations.AddIndex(
            model_name='habit',
            index=models.Index(fields=['day'], name='habit_day'),
        ),
        migrations.AddConstraint(
            model_name='habit',
            constraint=models.UniqueConstraint(fields=('camera', 'day', 'hour', 'zone_kind', 'label_group'), name='habit_once_an_hour'),
        ),
        migrations.AddConstraint(
            model_name='habit',
            constraint=models.CheckConstraint(condition=models.Q(('hour__lt', 24)), name='habit_hour_of_a_day'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at', 'id'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'dead')), fields=['-created_at', '-id'], name='delivery_dead'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('channel', 'alert', 'stage'), name='delivery_one_a_stage'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('state__in', ('pending', 'failed'))), models.Q(('due_at__isnull', True), ('lease', ''), ('state__in', ('sent', 'dead'))), _connector='OR'), name='delivery_due_while_it_waits'),
        ),
        migrations.AddIndex(
            model_name='alertrule',
            index=models.Index(condition=models.Q(('enabled', True)), fields=['id'], name='alertrule_enabled'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(('min_risk__lte', 100)), name='alertrule_risk'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(('min_confidence__gte', 0), ('min_confidence__lte', 1)), name='alertrule_confidence'),
        ),
        migrations.AddConstraint(
            model_name='alertrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('schedule_end__isnull', True), ('schedule_start__isnull', True)), models.Q(('schedule_end__isnull', False), ('schedule_start__isnull', False)), _connector='OR'), name='alertrule_start_and_end'),
        ),
        migrations.AddConstraint(
            model_name='track',
            constraint=models.UniqueConstraint(fields=('event', 'number'), name='track_one_a_number'),
        ),
        migrations.RunPython(install, remove),
    ]

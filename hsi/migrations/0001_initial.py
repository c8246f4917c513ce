import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


TABLE = "hsi_auditentry"
# On SQLite, a later change of this table's columns rebuilds the table without the trigger: create it again then.
TRIGGER = {
    "sqlite": [
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE ON {TABLE}"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ],
    "postgresql": [
        f"CREATE FUNCTION {TABLE}_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE ON {TABLE}"
        f" FOR EACH ROW EXECUTE FUNCTION {TABLE}_append_only()",
    ],
}
NO_TRIGGER = {
    "sqlite": [f"DROP TRIGGER IF EXISTS {TABLE}_append_only"],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS {TABLE}_append_only ON {TABLE}",
        f"DROP FUNCTION IF EXISTS {TABLE}_append_only()",
    ],
}
ROLES = ("admin", "operator", "viewer")


def create_groups(apps, schema_editor):
    """Create the groups of the roles."""
    for name in ROLES:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


def delete_empty_groups(apps, schema_editor):
    """Delete the groups of the roles that have no member."""
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES, user=None).delete()


def make_append_only(apps, schema_editor):
    """Let the database refuse changes of the audit log."""
    for statement in TRIGGER.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement)


def make_changeable(apps, schema_editor):
    """Drop the trigger again."""
    for statement in NO_TRIGGER.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CircuitBreaker',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('closed', 'closed'), ('open', 'open'), ('half_open', 'half-open')], default='closed', max_length=9)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('successes', models.PositiveIntegerField(default=0)),
                ('trials', models.JSONField(blank=True, default=dict)),
                ('retry_at', models.DateTimeField(blank=True, help_text='While open: time of the next trial call.', null=True)),
                ('changed_at', models.DateTimeField(blank=True, null=True)),
                ('last_failed_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=500)),
                ('unusable', models.PositiveIntegerField(default=0)),
                ('last_unusable', models.CharField(blank=True, max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name='LastPublishedState',
            fields=[
                ('subject', models.CharField(max_length=220, primary_key=True, serialize=False)),
                ('state', models.CharField(max_length=20)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='LiveSetting',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('value', models.CharField(max_length=1000)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('changed_by', models.CharField(max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name='QueuePause',
            fields=[
                ('queue', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('paused_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('paused_by', models.CharField(max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name='StreamMessage',
            fields=[
                ('seq', models.BigIntegerField(primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=40)),
                ('camera', models.CharField(blank=True, max_length=64)),
                ('data', models.JSONField()),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='WorkerHeartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('kind', models.CharField(max_length=40)),
                ('host', models.CharField(max_length=120)),
                ('pid', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('running', 'running'), ('failing', 'failing'), ('stopped', 'stopped')], default='running', max_length=10)),
                ('detail', models.TextField(blank=True)),
                ('jobs_done', models.PositiveBigIntegerField(default=0)),
                ('started_at', models.DateTimeField()),
                ('beat_at', models.DateTimeField(db_index=True)),
                ('progressed_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('prefix', models.CharField(editable=False, help_text='The first characters, which identify the token.', max_length=12)),
                ('scopes', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.CharField(max_length=150)),
                ('token', models.CharField(blank=True, help_text='Name and first characters of the token.', max_length=100)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('action', models.CharField(max_length=60)),
                ('object', models.CharField(max_length=200)),
                ('before', models.JSONField(blank=True, null=True)),
                ('after', models.JSONField(blank=True, null=True)),
                ('request_id', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'indexes': [models.Index(fields=['-created_at', '-id'], name='auditentry_time'), models.Index(fields=['user', '-created_at', '-id'], name='auditentry_user'), models.Index(fields=['object', '-created_at', '-id'], name='auditentry_object'), models.Index(fields=['action', '-created_at', '-id'], name='auditentry_action'), models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['request_id'], name='auditentry_request')],
            },
        ),
        migrations.CreateModel(
            name='CounterValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('label', models.CharField(blank=True, max_length=60)),
                ('bucket', models.SmallIntegerField(default=0)),
                ('value', models.FloatField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'label', 'bucket'), name='countervalue_unique')],
            },
        ),
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('queue', models.CharField(max_length=40)),
                ('row_id', models.BigIntegerField()),
                ('payload', models.JSONField(blank=True, default=dict)),
                ('reason', models.CharField(help_text='refused, attempts or overflow', max_length=40)),
                ('error_type', models.CharField(max_length=120)),
                ('error_text', models.TextField(blank=True)),
                ('stack', models.TextField(blank=True)),
                ('http_status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('response_body', models.TextField(blank=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('failures', models.JSONField(blank=True, default=list, help_text='Each failed attempt with time and reason.')),
                ('first_failed_at', models.DateTimeField()),
                ('last_failed_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'open'), ('requeued', 'queued again'), ('discarded', 'discarded')], default='open', max_length=10)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('resolved_by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['-id'], name='deadletter_open'), models.Index(fields=['queue', 'row_id'], name='deadletter_row')],
            },
        ),
        migrations.CreateModel(
            name='GaugeValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('process', models.CharField(max_length=200)),
                ('value', models.FloatField()),
                ('recorded_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'process'), name='gaugevalue_unique')],
            },
        ),
        migrations.CreateModel(
            name='KnownNetwork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('username_hash', models.CharField(max_length=64)),
                ('address', models.CharField(help_text='For an IPv6 network: its first address.', max_length=45)),
                ('last_seen_at', models.DateTimeField(help_text='Time of the last login.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('username_hash', 'address'), name='knownnetwork_one_a_name_and_address')],
            },
        ),
        migrations.CreateModel(
            name='LatencyBucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('label', models.CharField(max_length=60)),
                ('minute', models.DateTimeField(db_index=True)),
                ('bucket', models.SmallIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('seconds', models.FloatField(help_text='Sum of the durations.')),
                ('longest', models.FloatField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'label', 'minute', 'bucket'), name='latencybucket_unique')],
            },
        ),
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('username_hash', models.CharField(max_length=64)),
                ('address', models.CharField(blank=True, help_text='For an IPv6 network: its first address.', max_length=45)),
                ('created_at', models.DateTimeField()),
                ('is_known', models.BooleanField(default=False, help_text='Whether the client is known.')),
                ('device', models.CharField(blank=True, help_text='The known device, if any.', max_length=32)),
            ],
            options={
                'indexes': [models.Index(fields=['address', 'created_at'], name='loginfailure_address'), models.Index(fields=['username_hash', 'created_at'], name='loginfailure_name'), models.Index(fields=['created_at'], name='loginfailure_at')],
            },
        ),
        migrations.CreateModel(
            name='QueueJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('queue', models.CharField(max_length=40)),
                ('row_id', models.BigIntegerField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('enqueued_at', models.FloatField()),
                ('due_at', models.FloatField()),
                ('lease', models.CharField(blank=True, default='', max_length=32)),
                ('failures', models.JSONField(blank=True, default=list)),
                ('trace', models.CharField(blank=True, default='', max_length=64)),
            ],
            options={
                'indexes': [models.Index(fields=['queue', 'due_at', 'id'], name='queuejob_due')],
                'constraints': [models.UniqueConstraint(fields=('queue', 'row_id'), name='queuejob_one_live_job_a_row')],
            },
        ),
        migrations.CreateModel(
            name='StreamHead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='streamhead_one_row')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('request', models.CharField(help_text='SHA-256 of the method, the address and the body.', max_length=64)),
                ('status', models.PositiveSmallIntegerField(help_text='None until there is a response.', null=True)),
                ('data', models.JSONField(null=True)),
                ('location', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='idempotencyrecord_unique_key')],
            },
        ),
        migrations.RunPython(create_groups, delete_empty_groups),
        migrations.RunPython(make_append_only, make_changeable),
    ]

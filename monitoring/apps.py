from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        register_messages()
        register_navigation()
        register_expired_rows()
        register_health_checks()


def register_messages() -> None:
    from hsi.outbox import messages
    from monitoring.health.monitor import SystemStatusData
    from monitoring.metrics.gpu import GpuStatsData

    messages.register("system.status", SystemStatusData)
    messages.register("gpu.stats", GpuStatsData)


def register_navigation() -> None:
    from hsi.admin import navigation
    from hsi.admin.navigation import Item

    navigation.register("", Item("Overview", "monitoring", "index", 10))
    navigation.register(
        "Operations",
        Item("Dead letters", "report", "dead_letters", 10, "dead_letters", "bad"),
        Item("Queues and breakers", "low_priority", "queues", 20),
        Item("Logs", "subject", "logs", 30),
        Item("Configuration", "tune", "configuration", 40),
        Item("Language model", "psychology", "language_model", 45),
        Item("Housekeeping", "cleaning_services", "monitoring.jobrun", 80),
    )
    navigation.register(
        "Records",
        Item("Graphics cards", "memory", "monitoring.gpusample", 60),
        Item("Storage", "hard_drive", "monitoring.storagesample", 70),
    )


def register_expired_rows() -> None:
    from hsi.db import row_retention
    from monitoring import job_runs, log_writer
    from monitoring.metrics import gpu
    from monitoring.retention import storage

    row_retention.register(log_writer.expired, job_runs.expired, storage.expired, gpu.expired)


def register_health_checks() -> None:
    """Register the checks in the order in which reports show them."""
    from monitoring.health import ai_services, checks, decoder, folders, intake, outcomes, redis, registry
    from monitoring.health.schema_version import MigrationCheck

    registry.register(
        lambda scope: [checks.DatabaseCheck(), MigrationCheck()],
        lambda scope: [checks.QueuesCheck(is_counted=scope.is_everything)],
        lambda scope: redis.redis_checks(),
        lambda scope: [checks.WorkersCheck(), folders.folder_check(), decoder.decoder_check()],
        lambda scope: [intake.IntakeCheck(cameras=None if scope.is_everything else scope.cameras)],
        lambda scope: [checks.CamerasCheck(cameras=scope.cameras), outcomes.UploadsCheck(), checks.DiskCheck()],
        lambda scope: [*ai_services.service_checks(), ai_services.BreakersCheck()],
        lambda scope: [outcomes.NotificationsCheck()],
    )

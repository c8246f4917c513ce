from django.apps import AppConfig


class DetectionConfig(AppConfig):
    name = "detection"
    verbose_name = "Detection"

    def ready(self) -> None:
        from detection import checks, pipeline, serializers  # noqa: F401  (registers the system checks)
        from detection.relevance import static_objects
        from hsi import queues
        from hsi.admin import navigation
        from hsi.admin.navigation import Item
        from hsi.db import row_retention
        from hsi.outbox import messages

        queues.register(
            queues.DETECTION_QUEUE,
            queues.JobHandler(pipeline.detect_upload, pipeline.mark_upload_dead, pipeline.requeue_upload),
        )
        messages.register("detection.created", serializers.DetectionCreatedData)
        messages.register("batch.closed", serializers.BatchClosedData)
        row_retention.register(static_objects.expired)
        navigation.register(
            "Review",
            Item("Detections", "frame_person", "detection.detection", 20),
            Item("Batches", "stacks", "detection.batch", 40),
            Item("Static objects", "local_parking", "detection.staticobject", 45),
        )

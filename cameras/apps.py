from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "cameras"
    verbose_name = "Cameras"

    def ready(self) -> None:
        from cameras import checks, serializers  # noqa: F401  (registers the system checks)
        from hsi.admin import navigation
        from hsi.admin.navigation import Item
        from hsi.outbox import messages

        messages.register("camera.status", serializers.CameraStatusData)
        navigation.register("Review", Item("Uploads", "photo_library", "cameras.upload", 30, "uploads"))
        navigation.register(
            "Cameras",
            Item("Cameras", "videocam", "cameras.camera", 10),
            Item("Zones", "polyline", "cameras.zone", 20),
        )
        navigation.register("Access", Item("Camera grants", "lock_person", "cameras.cameragrant", 40))
        navigation.register(
            "Records",
            Item("Files to remove", "delete", "cameras.garbage", 80),
            Item("Files that wait", "hourglass_empty", "cameras.intakeproblem", 90),
        )

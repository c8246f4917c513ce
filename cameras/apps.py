from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "cameras"
    verbose_name = "Cameras"

    def ready(self) -> None:
        from cameras.models import Upload
        from hsi import bounds

        bounds.takes_files(r"/api/cameras/[^/]+/uploads/?", Upload)

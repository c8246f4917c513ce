"""The addresses of the operations pages, below `/admin/`."""

from django.urls import path

from monitoring.pages import (
    about,
    bulk_job,
    configuration,
    counts,
    dead_letters,
    language_model,
    logs,
    overview,
    prompt,
    queues,
    tokens,
)
from monitoring.pages.camera import arrivals, editor, status, steps

CAMERA = "cameras/camera/<slug:pk>"

urlpatterns = [
    path("overview/figures", overview.Figures.as_view(), name="figures"),
    path("counts", counts.Counts.as_view(), name="counts"),
    path("dead-letters/", dead_letters.DeadLetterList.as_view(), name="dead_letters"),
    path("dead-letters/<int:pk>", dead_letters.DeadLetterPage.as_view(), name="dead_letter"),
    path("dead-letters/resolve", dead_letters.ResolveDeadLetters.as_view(), name="resolve_dead_letters"),
    path("jobs/<int:pk>", bulk_job.BulkJob.as_view(), name="bulk_job"),
    path("jobs/<int:pk>/progress", bulk_job.Progress.as_view(), name="bulk_job_progress"),
    path("jobs/<int:pk>/stop", bulk_job.StopBulkJob.as_view(), name="stop_bulk_job"),
    path("queues/", queues.Queues.as_view(), name="queues"),
    path("queues/<slug:name>/pause", queues.PauseQueue.as_view(), name="pause_queue"),
    path("queues/<slug:name>/resume", queues.ResumeQueue.as_view(), name="resume_queue"),
    path("breakers/<slug:name>/reset", queues.ResetBreaker.as_view(), name="reset_breaker"),
    path("tokens/new", tokens.NewToken.as_view(), name="new_token"),
    path("tokens/<int:pk>/revoke", tokens.RevokeToken.as_view(), name="revoke_token"),
    path("configuration/", configuration.Configuration.as_view(), name="configuration"),
    path("language-model/", language_model.LanguageModel.as_view(), name="language_model"),
    path("events/event/<int:pk>/prompt", prompt.PromptPreview.as_view(), name="event_prompt"),
    path("logs/", logs.Logs.as_view(), name="logs"),
    path("logs/tail", logs.Tail.as_view(), name="logs_tail"),
    path("logs/<int:pk>", logs.Line.as_view(), name="logs_line"),
    path("cameras/camera/new/", steps.NewCamera.as_view(), name="new_camera"),
    path(f"{CAMERA}/page/", status.CameraPage.as_view(), name="camera"),
    path(f"{CAMERA}/page/pause", status.PauseCamera.as_view(), name="pause_camera"),
    path(f"{CAMERA}/page/clock", status.CorrectClock.as_view(), name="correct_clock"),
    path(f"{CAMERA}/page/resume", status.ResumeCamera.as_view(), name="resume_camera"),
    path(
        f"{CAMERA}/page/static-objects/<int:static_object>/forget",
        status.ForgetStaticObject.as_view(),
        name="forget_static_object",
    ),
    path(f"{CAMERA}/page/habits/clear", status.ClearHabits.as_view(), name="clear_habits"),
    path(f"{CAMERA}/page/zones/", editor.ZoneEditor.as_view(), name="camera_zones"),
    path(f"{CAMERA}/steps/<slug:step>/", steps.CameraStep.as_view(), name="camera_step"),
    path(f"{CAMERA}/arrivals", arrivals.FirstPicture.as_view(), name="camera_first"),
    path("about/<slug:kind>/<int:pk>", about.About.as_view(), name="about"),
]

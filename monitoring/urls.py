from django.urls import path

from monitoring.api import dead_letters, overview, queues, records, system

urlpatterns = [
    path("queues", queues.Queues.as_view()),
    path("queues/<slug:name>/pause", queues.PauseQueue.as_view()),
    path("queues/<slug:name>/resume", queues.ResumeQueue.as_view()),
    path("dead-letters", dead_letters.DeadLetters.as_view()),
    path("dead-letters/<int:pk>", dead_letters.OneDeadLetter.as_view()),
    path("dead-letters/requeue", dead_letters.Requeue.as_view()),
    path("dead-letters/discard", dead_letters.Discard.as_view()),
    path("logs", records.Logs.as_view()),
    path("audit", records.Audit.as_view()),
    path("audit/export", records.AuditExport.as_view()),
    path("jobs", records.Jobs.as_view()),
    path("system/health", overview.SystemHealth.as_view()),
    path("system/stats", system.SystemStats.as_view()),
    path("system/config", system.SystemConfig.as_view()),
    path("system/breakers", system.Breakers.as_view()),
    path("system/breakers/<slug:name>/reset", system.ResetBreaker.as_view()),
    path("system/workers", system.Workers.as_view()),
    path("system/latency", system.SystemLatency.as_view()),
    path("system/storage", system.SystemStorage.as_view()),
    path("system/gpu", system.SystemGpu.as_view()),
    path("system/tls", system.SystemTls.as_view()),
]

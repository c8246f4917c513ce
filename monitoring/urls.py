from django.urls import path

from monitoring import api, auditexport, lettersapi, queuesapi, recordsapi, systemapi

urlpatterns = [
    path("queues", queuesapi.Queues.as_view()),
    path("queues/<slug:name>/pause", queuesapi.PauseQueue.as_view()),
    path("queues/<slug:name>/resume", queuesapi.ResumeQueue.as_view()),
    path("dead-letters", lettersapi.DeadLetters.as_view()),
    path("dead-letters/<int:pk>", lettersapi.OneDeadLetter.as_view()),
    path("dead-letters/requeue", lettersapi.Requeue.as_view()),
    path("dead-letters/discard", lettersapi.Discard.as_view()),
    path("logs", recordsapi.Logs.as_view()),
    path("audit", recordsapi.Audit.as_view()),
    path("audit/export", auditexport.AuditExport.as_view()),
    path("jobs", recordsapi.Jobs.as_view()),
    path("system/health", api.SystemHealth.as_view()),
    path("system/stats", systemapi.SystemStats.as_view()),
    path("system/config", systemapi.SystemConfig.as_view()),
    path("system/breakers", systemapi.Breakers.as_view()),
    path("system/breakers/<slug:name>/reset", systemapi.ResetBreaker.as_view()),
    path("system/workers", systemapi.Workers.as_view()),
    path("system/latency", systemapi.SystemLatency.as_view()),
    path("system/storage", systemapi.SystemStorage.as_view()),
    path("system/gpu", systemapi.SystemGpu.as_view()),
    path("system/tls", systemapi.SystemTls.as_view()),
]

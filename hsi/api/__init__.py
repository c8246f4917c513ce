"""What every REST view shares: filters, pages, bodies, permissions, idempotency, errors of input and the description.

The apps hold the views themselves. Start with `permissions` (who may call a view), `filters` and `pagination` (how a
list is read) and `inputs` (what a body may hold). `openapi` describes all of it at `/api/schema`.
"""

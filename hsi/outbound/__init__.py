"""HTTP requests to other services: AI services, and receivers that users enter.

`ai_service` calls a detector or a language model, behind the circuit breaker of `shared_breaker`. `safe_http` sends to
addresses that users enter, and only to public ones. `deadline` bounds a whole exchange, and `error_responses` decides
what an error answer means.
"""

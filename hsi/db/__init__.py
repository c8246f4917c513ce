"""Access to PostgreSQL, SQLite and Redis below the ORM.

`sql` and `json_rows` hold the hand-written statements of the hot path. `clock` is the time that all processes share.
`pooler` and `sqlite_file` guard the connection and the file; `redis` and `redis_cache` reach Redis.
"""

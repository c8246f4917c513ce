"""The web servers: daphne for `up` and sockets, gunicorn for REST and pages.

`web` runs daphne and every loop in one process; `gunicorn_conf` configures the workers of the other. `daphne_server`
and `wsgi_bodies` bound what a client may send, by the rules of `bodies` (how much) and `admission` (from whom).
`application` builds Django's ASGI application and serves static files.
"""

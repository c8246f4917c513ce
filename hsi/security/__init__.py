"""Who may do what: authentication, roles, limits and secrets.

Start with `authentication`, the middleware that every request passes, then `credentials` and `tokens`. `roles` and
`policy` decide what a user may do with the rows of a model. `rate_limit`, `lockout` and `known_clients` slow down
guessing. `login` has the forms of an account, `headers` the response headers, `encryption` and `secret_fields` the
secrets that are stored.
"""

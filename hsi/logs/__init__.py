"""Log lines: what they are about, how they look, and what they must not contain.

`context` adds the request, camera or event to each line. `formatters` escapes and formats, `redaction` masks secrets,
and `buffer` holds lines until a background thread writes them to the database.
"""

"""The live stream: one hub a process tails the outbox and tells every client that may know.

The way of a message: `table` reads it and makes its text once, `hub` offers it to each client,
`subscription` says whether the client wants and may see it, `outgoing` holds it until the socket takes it.
Sequence numbers are given in commit order without gaps, so one number says all about a client's position.
"""

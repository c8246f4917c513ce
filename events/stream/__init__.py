"""The live stream: each message of the outbox goes to every client that may see it.

Each web process has one hub. The hub reads new rows of the outbox (`reader`), builds the text of each message once and
offers it to every client (`client`). The client's filter decides (`protocol`), and its queue holds the text until the
socket takes it (`send_queue`). Sequence numbers follow the commit order and have no gaps, so one number describes the
position of a client.

`handshake` and `access` decide who may connect. The sockets are served by the Channels consumers of
`events.consumers`. `schema` publishes the description of all messages.
"""

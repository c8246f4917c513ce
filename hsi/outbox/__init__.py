"""The transactional outbox of the live stream.

`publish` writes messages in the transaction of the change that they report. `messages` lists their types and shapes.
`wakeup` tells readers, in this and in other processes, that there are new rows.
"""

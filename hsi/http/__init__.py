"""From the socket to a view and back: what concerns HTTP, and neither users nor rows.

In the order in which a request meets it: `proxy_headers` drops headers that only a proxy may send, `url_prefix` names
the path below which the site is served, `body_limits` bounds a body, `middleware` and `request_state` give a request
its id and its state, `client_address` says where it comes from. `problem` turns errors into answers and `refusal_log`
logs refused requests.
"""

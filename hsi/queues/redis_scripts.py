"""What happens inside Redis. Each script is one step that happens as a whole or not at all.

KEYS: 1 the stream, 2 the hash of live rows, 3 the sorted set of delayed ones.
The hash says of each row what its one live job is: the id of its message in the stream, or `d` and
the fields of the message that it becomes when its delay ends. The sorted set holds when that is, in
milliseconds of the server's clock. A message's fields, in this order: `r` row; and where they differ
from a fresh job's `n` attempts so far, `t` put at (ms), `f` failures (JSON), `x` trace.

Writes that need memory come first: where it is refused, nothing has happened yet.
"""

# A hash entry whose message is gone (evicted, or deleted by hand) must not keep its row from being queued again.
_LIVE = """
local function live(row, held)
  if not held then return false end
  if string.sub(held, 1, 1) == 'd' then return redis.call('ZSCORE', KEYS[3], row) end
  return #redis.call('XRANGE', KEYS[1], held, held) > 0
end
"""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# ARGV: how many the queue holds at most, trace, rows. Returns (how many found room, size).
PUT = (
    _LIVE
    + """
local size = redis.call('HLEN', KEYS[2])
local most = tonumber(ARGV[1])
local held = redis.call('HMGET', KEYS[2], unpack(ARGV, 3))
local added, new, found = {}, {}, 0
for i = 3, #ARGV do
  local row = ARGV[i]
  if not (new[row] or live(row, held[i - 2])) then
    if size >= most then break end
    local id
    if ARGV[2] == '' then
      id = redis.call('XADD', KEYS[1], '*', 'r', row)
    else
      id = redis.call('XADD', KEYS[1], '*', 'r', row, 'x', ARGV[2])
    end
    added[#added + 1] = row
    added[#added + 1] = id
    new[row] = true
    size = size + 1
  end
  found = found + 1
end
if #added > 0 then redis.call('HSET', KEYS[2], unpack(added)) end
return {found, size}
"""
)

# ARGV: group, rows, their message ids. Returns 1, or 0 where one is no longer ours and nothing was done.
ACK = """
local count = (#ARGV - 1) / 2
local held = redis.call('HMGET', KEYS[2], unpack(ARGV, 2, count + 1))
for i = 1, count do
  if held[i] ~= ARGV[count + 1 + i] then return 0 end
end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, count + 2))
redis.call('XDEL', KEYS[1], unpack(ARGV, count + 2))
redis.call('HDEL', KEYS[2], unpack(ARGV, 2, count + 1))
return 1
"""

# ARGV: group, row, message id, delay (ms), the fields of the next message. Returns 1, or 0 where it is not ours.
RETRY = (
    _NOW
    + """
local row, id, delay = ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('HGET', KEYS[2], row) ~= id then return 0 end
if delay > 0 then
  redis.call('HSET', KEYS[2], row, 'd' .. cjson.encode({unpack(ARGV, 5)}))
  redis.call('ZADD', KEYS[3], now + delay, row)
else
  redis.call('HSET', KEYS[2], row, redis.call('XADD', KEYS[1], '*', unpack(ARGV, 5)))
end
redis.call('XACK', KEYS[1], ARGV[1], id)
redis.call('XDEL', KEYS[1], id)
return 1
"""
)

# ARGV: group, idle time to set (ms), rows, their message ids. Returns how many are ours.
EXTEND = """
local count = (#ARGV - 2) / 2
local held = redis.call('HMGET', KEYS[2], unpack(ARGV, 3, count + 2))
local ours = 0
for i = 1, count do
  local id = ARGV[count + 2 + i]
  if held[i] == id then
    ours = ours + #redis.pcall('XCLAIM', KEYS[1], ARGV[1], 'hsi', 0, id, 'IDLE', ARGV[2], 'JUSTID')
  end
end
return ours
"""

# Delayed jobs whose time has come, and jobs whose lease has ended, become new messages at the end of the stream.
# ARGV: group, idle time at which a lease has ended (ms), cursor, how many of each at most.
# Returns (how many became messages, ms until the next delayed one or -1, next cursor).
TEND = (
    _NOW
    + """
local moved = 0
for _, row in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, ARGV[4])) do
  local held = redis.call('HGET', KEYS[2], row)
  if held and string.sub(held, 1, 1) == 'd' then
    local id = redis.call('XADD', KEYS[1], '*', unpack(cjson.decode(string.sub(held, 2))))
    redis.call('HSET', KEYS[2], row, id)
    moved = moved + 1
  end
  redis.call('ZREM', KEYS[3], row)
end
local due, first = -1, redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] then due = math.max(0, tonumber(first[2]) - now) end
local claimed = redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], 'hsi', ARGV[2], ARGV[3], 'COUNT', ARGV[4])
if claimed.err then return {moved, due, '0-0'} end
for _, entry in ipairs(claimed[2]) do
  local id, is = entry[1], {}
  for i = 1, #entry[2], 2 do is[entry[2][i]] = entry[2][i + 1] end
  if redis.call('HGET', KEYS[2], is.r) == id then
    redis.call('HSET', KEYS[2], is.r, redis.call('XADD', KEYS[1], '*', 'r', is.r, 'n', (is.n or 0) + 1,
      't', is.t or string.match(id, '^%d+'), 'f', is.f or '[]', 'x', is.x or ''))
    moved = moved + 1
  end
  redis.call('XACK', KEYS[1], ARGV[1], id)
  redis.call('XDEL', KEYS[1], id)
end
return {moved, due, claimed[1]}
"""
)

# ARGV: rows. Returns those that have a live job.
LIVE = (
    _LIVE
    + """
local held, found = redis.call('HMGET', KEYS[2], unpack(ARGV)), {}
for i = 1, #ARGV do
  if live(ARGV[i], held[i]) then found[#found + 1] = ARGV[i] end
end
return found
"""
)

# ARGV: group, how many of each kind to look at for the oldest. Returns (messages, leased, delayed, overdue, age in ms
# of the oldest or -1). A message's id begins with when it was added, which for a fresh job is when it was put.
DEPTH = (
    _NOW
    + """
local oldest = nil
local function look(fields, id)
  local at = id and tonumber(string.match(id, '^%d+')) or now
  for i = 3, #fields, 2 do if fields[i] == 't' then at = tonumber(fields[i + 1]) end end
  if not oldest or at < oldest then oldest = at end
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[2])) do look(entry[2], entry[1]) end
for _, row in ipairs(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1)) do
  local held = redis.call('HGET', KEYS[2], row)
  if held and string.sub(held, 1, 1) == 'd' then look(cjson.decode(string.sub(held, 2))) end
end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local leased = pending.err and 0 or pending[1]
return {redis.call('XLEN', KEYS[1]), leased, redis.call('ZCARD', KEYS[3]), redis.call('ZCOUNT', KEYS[3], '-inf', now),
  oldest and math.max(0, now - oldest) or -1}
"""
)

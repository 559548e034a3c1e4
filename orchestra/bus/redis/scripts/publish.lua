-- Publish events that a producer has numbered per call, except those stored already: a batch may be sent twice. Events of
-- calls that were forgotten count as stored.
--
-- KEYS  1 journal  2 media  3 forgotten calls (sorted set of SHA-1)  4… per call a hash: producer -> number of its last event
-- ARGV  1 producer  2 seconds to keep the numbers, then per event: stream, call (indices in KEYS), number, k, field value…
-- Returns how many were new.
local i, n, added, last, gone = 3, #ARGV, 0, {}, {}
local any_gone = redis.call('EXISTS', KEYS[3]) == 1
while i <= n do
  local call, number, count = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  if not last[call] then
    last[call] = tonumber(redis.call('HGET', KEYS[call], ARGV[1]) or 0)
    gone[call] = any_gone and redis.call('ZSCORE', KEYS[3], redis.sha1hex(string.match(KEYS[call], '[^:]*$')))
  end
  if number > last[call] and not gone[call] then
    redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', unpack(ARGV, i + 4, i + 3 + count))
    last[call] = number
    added = added + 1
  end
  i = i + 4 + count
end
for call, number in pairs(last) do
  if not gone[call] then
    redis.call('HSET', KEYS[call], ARGV[1], number)
    redis.call('EXPIRE', KEYS[call], ARGV[2])
  end
end
return added

-- Publish events that a producer has numbered per call, except those stored already: a batch may be sent twice.
--
-- KEYS  1 journal  2 media  3… per call a hash: producer -> number of its last event
-- ARGV  1 producer  2 seconds to keep the numbers, then per event: stream, call (indices in KEYS), number, k, field value…
-- Returns how many were new.
local i, n, added, last = 3, #ARGV, 0, {}
while i <= n do
  local call, number, count = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  if not last[call] then last[call] = tonumber(redis.call('HGET', KEYS[call], ARGV[1]) or 0) end
  if number > last[call] then
    redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', unpack(ARGV, i + 4, i + 3 + count))
    last[call] = number
    added = added + 1
  end
  i = i + 4 + count
end
for call, number in pairs(last) do
  redis.call('HSET', KEYS[call], ARGV[1], number)
  redis.call('EXPIRE', KEYS[call], ARGV[2])
end
return added

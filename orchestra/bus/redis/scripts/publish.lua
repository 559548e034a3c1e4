-- Publish events that a producer has numbered per call, except those stored already: a batch may be sent twice. Events of
-- calls that were forgotten count as stored, and so do those of a producer whose call another one has claimed since.
--
-- KEYS  1 journal  2 media  3 forgotten calls (sorted set of SHA-1)  4… per call a hash: producer -> number of its last event,
--       and claim -> who has the call: number and producer
-- ARGV  1 producer  2 seconds to keep the numbers, then per event: stream, call (indices in KEYS), number, k, field value…
--       stream may be followed by a space and the number by which the producer claims the call: the largest has it
-- Returns how many were new.
local i, n, added, last, gone = 3, #ARGV, 0, {}, {}
local known = {}
local function has_call(key, number)
  local asked = number .. key
  if known[asked] == nil then
    local largest, holder = string.match(redis.call('HGET', key, 'claim') or '', '^(%d+) (.*)$')
    known[asked] = not holder or tonumber(number) >= tonumber(largest)
    if known[asked] and (holder ~= ARGV[1] or number ~= largest) then
      redis.call('HSET', key, 'claim', number .. ' ' .. ARGV[1])
    end
  end
  return known[asked]
end
local any_gone = redis.call('EXISTS', KEYS[3]) == 1
while i <= n do
  local call, number, count = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  if not last[call] then
    last[call] = tonumber(redis.call('HGET', KEYS[call], ARGV[1]) or 0)
    gone[call] = any_gone and redis.call('ZSCORE', KEYS[3], redis.sha1hex(string.match(KEYS[call], '[^:]*$')))
  end
  if number > last[call] and not gone[call] then
    local stream, claim = string.match(ARGV[i], '^(%d) ?(%d*)$')
    if claim == '' or has_call(KEYS[call], claim) then
      redis.call('XADD', KEYS[tonumber(stream)], '*', unpack(ARGV, i + 4, i + 3 + count))
      added = added + 1
    end
    last[call] = number
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

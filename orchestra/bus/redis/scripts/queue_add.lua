-- Add messages to queues, each to the lane of its call: what is in a lane is delivered in order.
--
-- KEYS  1 position: the id of the last journal entry whose messages were added  2 forgotten calls (sorted set of SHA-1)
--       then per message: 3… due (sorted set: call -> when its lane is to be tried, ms)  4… lane (stream)
-- ARGV  1 the position from now on, "" leaves it  2 seconds that an untouched queue is kept, then per message: the id of
--       its journal entry ("" for one that is added whatever the position), its call, the time in ms, the message
-- What was added already is not added again: an entry may be handled again by the next owner of the partition. Nothing is
-- added of a call that was forgotten.
-- Returns how many were added.
local function parts(id)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(number)
end
local last = redis.call('GET', KEYS[1]) or '0-0'
local last_ms, last_number = parts(last)
local function is_new(id)
  local ms, number = parts(id)
  return ms > last_ms or (ms == last_ms and number > last_number)
end

local any_gone = redis.call('EXISTS', KEYS[2]) == 1
local function gone(call)
  return any_gone and redis.call('ZSCORE', KEYS[2], redis.sha1hex(call))
end

local added, key = 0, 3
for i = 3, #ARGV, 4 do
  local due, lane = KEYS[key], KEYS[key + 1]
  key = key + 2
  if (ARGV[i] == '' or is_new(ARGV[i])) and not gone(ARGV[i + 1]) then
    redis.call('XADD', lane, '*', 'message', ARGV[i + 3])
    redis.call('ZADD', due, 'NX', ARGV[i + 2], ARGV[i + 1])
    redis.call('EXPIRE', lane, ARGV[2])
    redis.call('EXPIRE', due, ARGV[2])
    added = added + 1
  end
end
if ARGV[1] ~= '' and is_new(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return added

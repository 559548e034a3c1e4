-- Record that a worker of a group is alive, or that it leaves (ARGV[2] = 0). KEYS 1 members; ARGV 1 worker 2 time to
-- live in ms. Returns the names of all living workers. The time is the server's: the clocks of workers may differ.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
if ARGV[2] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ms)
return redis.call('ZRANGE', KEYS[1], 0, -1)

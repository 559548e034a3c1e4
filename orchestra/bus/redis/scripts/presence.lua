-- Keep the record of a process that is there. KEYS 1 processes (sorted set)  2 record; ARGV 1 process 2 time to live in ms
-- 3 the record. Also when the memory is full: that is when operators look who is there.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ms)
redis.call('ZADD', KEYS[1], ms + ARGV[2], ARGV[1])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2])
return 1

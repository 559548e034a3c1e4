-- Keep the lease of a partition (ARGV[2] > 0, in ms) or give it up (0).
--
-- KEYS  1 lease  2 progress (hash)  3 requeued dead letters
-- ARGV  1 token  2 lease time in ms
-- Returns 0 where another has taken the partition, else 1, or 2 where requeued dead letters wait. A lease that has
-- expired without being taken (the server was away, this process was stopped) is simply taken up again.
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[2], 'owner')
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('EXISTS', KEYS[3]) == 1 and redis.call('XLEN', KEYS[3]) > 0 and 2 or 1

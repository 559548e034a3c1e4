-- Keep the lease of a partition (ARGV[2] > 0, in ms) or give it up (0). KEYS 1 lease 2 progress; ARGV 1 token.
-- Returns 1, or 0 where the lease is no longer ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '0' then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('HDEL', KEYS[2], 'owner')
return redis.call('DEL', KEYS[1])

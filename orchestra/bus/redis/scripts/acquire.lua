-- Take the lease of a partition for a group, if it is free.
--
-- KEYS  1 lease  2 progress (hash)
-- ARGV  1 worker  2 lease time in ms
-- Returns nothing where another owns it, else the token and whether the owner before vanished without releasing it.
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local token = ARGV[1] .. ':' .. redis.call('HINCRBY', KEYS[2], 'epoch', 1)
local vanished = redis.call('HGET', KEYS[2], 'owner')
redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
redis.call('HSET', KEYS[2], 'owner', token, 'commit', 0)
return {token, vanished and 1 or 0}

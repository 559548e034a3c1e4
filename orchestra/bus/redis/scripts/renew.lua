-- Renew the leases of some partitions (ARGV[1] > 0, in ms), or release them (0).
--
-- KEYS  per partition: lease, progress (hash), requeued dead letters
-- ARGV  1 lease time in ms, then per partition the token and the number of its last answered commit
-- Returns per partition 0 if another worker has acquired it, or that commit is missing (see commit.lua), else 1, or 2 if
-- it has requeued dead letters. A lease that has expired and that nobody has acquired (the server was away, this process
-- was suspended) is simply renewed.
local answers = {}
for index = 1, #KEYS / 3 do
  local lease, progress, requeued, token = KEYS[index * 3 - 2], KEYS[index * 3 - 1], KEYS[index * 3], ARGV[index * 2]
  local state = redis.call('HMGET', progress, 'owner', 'commit')
  if state[1] ~= token or tonumber(state[2]) < tonumber(ARGV[index * 2 + 1]) then
    answers[index] = 0
  elseif ARGV[1] == '0' then
    redis.call('HDEL', progress, 'owner')
    redis.call('DEL', lease)
    answers[index] = 1
  else
    redis.call('SET', lease, token, 'PX', ARGV[1])
    answers[index] = redis.call('XLEN', requeued) > 0 and 2 or 1
  end
end
return answers

-- Keep the leases of some partitions (ARGV[1] > 0, in ms) or give them up (0).
--
-- KEYS  per partition: lease, progress (hash), requeued dead letters
-- ARGV  1 lease time in ms, then per partition the token and the number of its last answered commit
-- Returns per partition 0 where another has taken it, or where that commit is not there (see commit.lua), else 1, or 2
-- where requeued dead letters wait. A lease that has expired without being taken (the server was away, this process was
-- stopped) is simply taken up again.
local answers = {}
for place = 1, #KEYS / 3 do
  local lease, progress, requeued, token = KEYS[place * 3 - 2], KEYS[place * 3 - 1], KEYS[place * 3], ARGV[place * 2]
  local state = redis.call('HMGET', progress, 'owner', 'commit')
  if state[1] ~= token or tonumber(state[2]) < tonumber(ARGV[place * 2 + 1]) then
    answers[place] = 0
  elseif ARGV[1] == '0' then
    redis.call('HDEL', progress, 'owner')
    redis.call('DEL', lease)
    answers[place] = 1
  else
    redis.call('SET', lease, token, 'PX', ARGV[1])
    answers[place] = redis.call('XLEN', requeued) > 0 and 2 or 1
  end
end
return answers

-- Take a message out of its lane: it was delivered, or is given up.
--
-- KEYS  1 lane (stream)  2 due (sorted set)  3 failing (hash: call -> what its first message has met with)  4 dead letters
-- ARGV  1 call  2 id of the message in the lane  3 the time in ms  4… fields and values of a dead letter, if it is one
-- Returns the next message of the lane as an entry, if there is one.
if redis.call('XDEL', KEYS[1], ARGV[2]) == 1 and #ARGV > 3 then
  redis.call('XADD', KEYS[4], '*', unpack(ARGV, 4))
end
redis.call('HDEL', KEYS[3], ARGV[1])
local head = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if #head == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return head

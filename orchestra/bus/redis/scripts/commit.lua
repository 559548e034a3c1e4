-- Everything that the handling of a partition's events changes, in one step, by the owner of the partition only.
-- The lease only says that the owner is alive. The owner is whose token is stored in the progress hash: acquire.lua puts
-- it there. So an owner whose lease has expired may still commit, and is fenced from the moment another one acquires it.
--
-- KEYS  1 lease  2 progress (hash)  3 published (hash: unfinished cause -> events it has published)  4 dead letters
--       5 journal  6 media  7 requeued dead letters  8 forgotten calls (sorted set of SHA-1)  9… state hashes of calls
-- ARGV  1 lease token  2 group  3 number of this commit under this lease, then operations, each a letter and its arguments:
--       R stream last-id entries-read       the group has read everything up to last-id
--       C stream id attempts                read and unfinished: pending, in its attempts-th delivery
--       A stream n id…                      finished
--       P type call id body                 publish on the journal
--       Q type call id body                 publish on the media stream
--       G stream cause n k field value…     publish as the n-th event of this cause, unless that is stored already;
--                                           an empty cause is not compared
--       F cause                             the cause is finished, forget what it has published
--       D cause k field value…              a dead letter, with the number of events that its cause has published
--       S state n field value…              write to a state hash
--       U state n field…                    delete from it
--       E state seconds                     let it expire
-- Streams and state hashes are given by their index in KEYS. Of a call that was forgotten nothing is stored: neither P, Q, G
-- and D, nor S and E. A commit that is sent again, because its answer was lost,
-- changes nothing. A promoted replica may lack the last commits that its master had answered: then the number of the
-- last commit, or an entry that the group has read, is missing here. The owner is fenced before anything is changed, and
-- the next owner continues from what this server has.
local keys, args, group = KEYS, ARGV, ARGV[2]
local state = redis.call('HMGET', keys[2], 'owner', 'commit')
if state[1] ~= args[1] then
  return redis.error_reply('FENCED ' .. args[1] .. ' no longer owns ' .. keys[1])
end
local last, number = tonumber(state[2]), tonumber(args[3])
if last >= number then return 0 end
if last < number - 1 then
  return redis.error_reply('FENCED ' .. args[1] .. ' has made commits that ' .. keys[2] .. ' does not know')
end

local function delivered(key)
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local fields = {}
    for j = 1, #info, 2 do fields[info[j]] = info[j + 1] end
    if fields['name'] == group then return fields['last-delivered-id'] end
  end
end
local i, n = 4, #args
while args[i] == 'R' do -- they come first; nothing is trimmed that a group has not read, so the entry it moves to must exist
  local key, id = keys[tonumber(args[i + 1])], args[i + 2]
  if #redis.call('XRANGE', key, id, id) == 0 and delivered(key) ~= id then
    return redis.error_reply('FENCED ' .. args[1] .. ' has read ' .. id .. ', which ' .. key .. ' does not have')
  end
  i = i + 4
end

local any_gone = redis.call('EXISTS', keys[8]) == 1
local function gone(call)
  return any_gone and redis.call('ZSCORE', keys[8], redis.sha1hex(call))
end
local function of_gone(state)
  return any_gone and gone(string.match(state, '[^:]*$'))
end

redis.call('HSET', keys[2], 'commit', number)
i = 4
while i <= n do
  local op = args[i]
  if op == 'P' or op == 'Q' then
    if not gone(args[i + 2]) then
      redis.call('XADD', op == 'P' and keys[5] or keys[6], '*',
        'type', args[i + 1], 'call', args[i + 2], 'id', args[i + 3], 'body', args[i + 4])
    end
    i = i + 5
  elseif op == 'R' then
    local stream = tonumber(args[i + 1])
    redis.call('XGROUP', 'SETID', keys[stream], group, args[i + 2], 'ENTRIESREAD', args[i + 3])
    redis.call('HSET', keys[2], 'read:' .. stream, args[i + 2] .. ' ' .. args[i + 3])
    i = i + 4
  elseif op == 'C' then
    redis.call('XCLAIM', keys[tonumber(args[i + 1])], group, 'owner', 0, args[i + 2], 'RETRYCOUNT', args[i + 3], 'FORCE', 'JUSTID')
    i = i + 4
  elseif op == 'A' then
    local stream, count = tonumber(args[i + 1]), tonumber(args[i + 2])
    redis.call('XACK', keys[stream], group, unpack(args, i + 3, i + 2 + count))
    if stream == 7 then redis.call('XDEL', keys[stream], unpack(args, i + 3, i + 2 + count)) end
    i = i + 3 + count
  elseif op == 'G' then
    local cause, count = args[i + 2], tonumber(args[i + 4])
    local there = cause ~= '' and redis.call('HGET', keys[3], cause)
    if (not there or tonumber(there) < tonumber(args[i + 3])) and not gone(args[i + 8]) then -- type, …, call, …
      redis.call('XADD', keys[tonumber(args[i + 1])], '*', unpack(args, i + 5, i + 4 + count))
      if cause ~= '' then redis.call('HSET', keys[3], cause, args[i + 3]) end
    end
    i = i + 5 + count
  elseif op == 'F' then
    redis.call('HDEL', keys[3], args[i + 1])
    i = i + 2
  elseif op == 'S' or op == 'U' then
    local count = tonumber(args[i + 2])
    local state = keys[tonumber(args[i + 1])]
    if op == 'U' or not of_gone(state) then
      redis.call(op == 'S' and 'HSET' or 'HDEL', state, unpack(args, i + 3, i + 2 + count))
    end
    i = i + 3 + count
  elseif op == 'E' then
    redis.call('EXPIRE', keys[tonumber(args[i + 1])], args[i + 2])
    i = i + 3
  elseif op == 'D' then
    local count, there = tonumber(args[i + 2]), redis.call('HGET', keys[3], args[i + 1])
    if not gone(args[i + 6]) then -- type, …, call, …
      redis.call('XADD', keys[4], '*', 'cause', args[i + 1], 'published', there or '0', unpack(args, i + 3, i + 2 + count))
    end
    i = i + 3 + count
  else
    return redis.error_reply('ERR unknown operation ' .. op)
  end
end
return 1

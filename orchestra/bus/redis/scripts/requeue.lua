-- Give dead letters back to their group, or drop them.
--
-- KEYS  1 dead letters  2 requeued  3 published (hash: unfinished cause -> events it has published)
-- ARGV  1 group  2 "requeue" or "drop", then the ids of the letters
-- Returns how many there were.
local found = 0
for i = 3, #ARGV do
  local letter = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if letter then
    found = found + 1
    if ARGV[2] == 'requeue' then
      local entry, published, id = {}, '0', ''
      for j = 1, #letter[2], 2 do
        local name, value = letter[2][j], letter[2][j + 1]
        if name == 'type' or name == 'call' or name == 'id' or name == 'body' or name == 'sealed' or name == 'audio' then
          entry[#entry + 1] = name
          entry[#entry + 1] = value
        end
        if name == 'cause' then id = value end
        if name == 'published' then published = value end
      end
      if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[2], ARGV[1], '0', 'MKSTREAM') end
      redis.call('XADD', KEYS[2], '*', unpack(entry))
      if published ~= '0' then redis.call('HSET', KEYS[3], id, published) end
    end
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
end
return found

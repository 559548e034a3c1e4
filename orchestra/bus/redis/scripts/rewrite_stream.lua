-- Write a stream again without what was deleted from it: XDEL only marks an entry, whose bytes stay in the memory and the
-- files of the server until all of its neighbours are deleted, too. Ids, groups and what they have pending stay.
--
-- KEYS  1 stream  2 a key for the copy
-- ARGV  1 the longest stream that is written again  2 its largest size in bytes: meanwhile the server does nothing else
-- Returns 1 if nothing deleted is left, 0 if the stream is too long.
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local facts, info = {}, redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do facts[info[i]] = info[i + 1] end
if facts['length'] == 0 then return 1 end
if facts['length'] > tonumber(ARGV[1]) then return 0 end
if redis.call('MEMORY', 'USAGE', KEYS[1]) > tonumber(ARGV[2]) then return 0 end

redis.call('DEL', KEYS[2])
local from = '-'
while from do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1000)
  for _, entry in ipairs(page) do redis.call('XADD', KEYS[2], entry[1], unpack(entry[2])) end
  from = #page == 1000 and '(' .. page[#page][1]
end
redis.call('XSETID', KEYS[2], facts['last-generated-id'], 'ENTRIESADDED', facts['entries-added'],
  'MAXDELETEDID', facts['max-deleted-entry-id'])
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #row, 2 do group[row[i]] = row[i + 1] end
  local name, last = group['name'], group['last-delivered-id']
  redis.call('XGROUP', 'CREATE', KEYS[2], name, last)
  if group['entries-read'] then redis.call('XGROUP', 'SETID', KEYS[2], name, last, 'ENTRIESREAD', group['entries-read']) end
  from = '-'
  while from do
    local page = redis.call('XPENDING', KEYS[1], name, from, '+', 1000)
    for _, pending in ipairs(page) do
      redis.call('XCLAIM', KEYS[2], name, pending[2], 0, pending[1], 'IDLE', pending[3], 'RETRYCOUNT', pending[4], 'FORCE', 'JUSTID')
    end
    from = #page == 1000 and '(' .. page[#page][1]
  end
end
redis.call('RENAME', KEYS[2], KEYS[1])
return 1

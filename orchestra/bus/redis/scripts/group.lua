-- Create a group on a stream, and the stream if needed. An existing group stays as it is.
--
-- KEYS  1 stream
-- ARGV  1 group  2 id after which it begins to read, or $
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err then
    if string.find(made.err, 'BUSYGROUP', 1, true) then return 1 end
    return made
end

-- The server does not count what was removed before the group's first entry. What is gone by now is no loss to a group
-- that begins now; what goes later is.
local facts, info = {}, redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do facts[info[i]] = info[i + 1] end
local read = facts['entries-added']
if ARGV[2] ~= '$' then read = read - facts['length'] end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', read)
return 1

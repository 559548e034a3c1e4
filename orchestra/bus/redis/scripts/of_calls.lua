-- The entries of some calls among the next ones of a stream; what they say stays on the server.
--
-- KEYS  1 stream
-- ARGV  1 the id from which to look on, "(…" for after it  2 how many entries to look at, then the ids of the calls
-- Returns the id of the last entry that was looked at, "" at the end of the stream, and per entry that was found: its id,
-- its call, its size in bytes.
local wanted = {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local page = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
local found = {#page == tonumber(ARGV[2]) and page[#page][1] or ''}
for _, entry in ipairs(page) do
  local call, bytes = nil, 0
  for j = 1, #entry[2], 2 do
    if entry[2][j] == 'call' and wanted[entry[2][j + 1]] then call = entry[2][j + 1] end
    bytes = bytes + #entry[2][j + 1]
  end
  if call then
    found[#found + 1] = entry[1]
    found[#found + 1] = call
    found[#found + 1] = bytes
  end
end
return found

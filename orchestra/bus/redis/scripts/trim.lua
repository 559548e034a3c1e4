-- Trim a stream to its floor: remove entries that are older than the retention and that no group needs.
--
-- KEYS  1 stream  2 mark of the last trim
-- ARGV  1 retention in ms  2 least time between two trims in ms, 0 for now  3 a group that is not waited for
-- Returns nothing if another worker has just done it; else the number of removed entries, and for each group that needs
-- entries older than the retention its name and by how many ms.
-- In one step: a group that is created a moment later at the beginning of the stream finds everything that is left.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if ARGV[2] ~= '0' and not redis.call('SET', KEYS[2], now, 'NX', 'PX', ARGV[2]) then return false end
if redis.call('EXISTS', KEYS[1]) == 0 then return {0} end

local function split(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function less(a, b)
  local ams, aseq = split(a)
  local bms, bseq = split(b)
  return ams < bms or (ams == bms and aseq < bseq)
end

local cutoff = string.format('%.0f-0', math.max(0, now - ARGV[1]))
local floor, result = cutoff, {0}
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for i = 1, #info, 2 do fields[info[i]] = info[i + 1] end
  if fields['name'] ~= ARGV[3] then
    local needs, from = fields['last-delivered-id'], '(' .. fields['last-delivered-id']
    local ms, seq = string.match(needs, '^(%d+)-(%d+)$')
    -- a Lua number is exact up to 2^53 only; an id that was chosen by hand may be larger: then one entry more is kept
    if tonumber(seq) < 9007199254740992 then needs = string.format('%s-%.0f', ms, tonumber(seq) + 1) end
    local oldest = redis.call('XPENDING', KEYS[1], fields['name'])[2]
    if oldest and less(oldest, needs) then needs, from = oldest, oldest end
    local first = redis.call('XRANGE', KEYS[1], from, cutoff, 'COUNT', 1)[1]
    if first and less(first[1], cutoff) then
      result[#result + 1] = fields['name']
      result[#result + 1] = now - ARGV[1] - split(first[1])
    end
    if less(needs, floor) then floor = needs end
  end
end
result[1] = redis.call('XTRIM', KEYS[1], 'MINID', '=', floor)
return result

-- Trim one stream by its floor: what is older than its retention and not needed by any group.
--
-- KEYS  1 stream  2 mark of the last trim
-- ARGV  1 retention in ms  2 least time between two trims in ms, 0 for now  3 name of a group that is not waited for
-- Returns nothing where another has just done it, else entries removed, and per group that holds the floor back beyond
-- the retention: its name and the ms by which it does.
-- One step: a group that is created a moment later at the beginning finds what is there.
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
    -- beyond 2^53 a number of Lua's is another one: who added by hand may have chosen so, and one entry is kept longer
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

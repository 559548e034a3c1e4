-- Create a group on a stream, and the stream if needed. An existing group stays as it is.
--
-- KEYS  1 stream
-- ARGV  1 group  2 id after which it begins to read, or $
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
return 1

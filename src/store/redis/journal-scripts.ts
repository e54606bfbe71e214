import { PAGE, UNITS_LUA, type RedisScript } from "./script.ts";

/**
 * The journal of a run is one hash; of call N it holds
 *
 *     N     outcome, attempt, kind, token of the last write     N:c  what was called, JSON     N:g  the arguments
 *     N:s   how it settled, JSON     N:r  the result     N:a  when it was asked for and expires     N:d  the decision
 *
 * and as `n` the highest number. Scripts refuse what an attempt writes that is not the run's latest.
 */
const CALL_LUA = `
local P, id, seq, attempt, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local journal = P .. 'j:' .. id
local function refusal()
  local latest = redis.call('HGET', P .. 'r:' .. id, 'attempt')
  if not latest then return 'orphan' end
  if latest ~= attempt then return 'superseded' end
end
local function headOf()
  local head = redis.call('HGET', journal, seq)
  if not head then return nil end
  return head:match('^(%S+) (%S+) (%S+) (%S+)$')
end
local function forget()
  redis.call('ZREM', P .. 'z:x', seq .. ' ' .. id)
end
`;

/** ARGV: runId, seq, attempt, token, kind, call, arguments, outcome, settlement or '', '1' for a result or '0', result. */
export const WRITE_CALL: RedisScript = {
  name: "runletWriteCall",
  lua: `${CALL_LUA}
local refused = refusal()
if refused then return refused end
local outcome, before, _, last = headOf()
if last == token then return 'done' end
if outcome then
  if outcome ~= 'awaiting' and not (outcome == 'pending' and tonumber(before) < tonumber(attempt)) then return 'taken' end
  if outcome == 'awaiting' then forget() end
end
local head = ARGV[9] .. ' ' .. attempt .. ' ' .. ARGV[6] .. ' ' .. token
redis.call('HSET', journal, seq, head, seq .. ':c', ARGV[7], seq .. ':g', ARGV[8])
if ARGV[10] ~= '' then redis.call('HSET', journal, seq .. ':s', ARGV[10]) end
if ARGV[11] == '1' then redis.call('HSET', journal, seq .. ':r', ARGV[12]) end
if tonumber(seq) > tonumber(redis.call('HGET', journal, 'n') or '0') then redis.call('HSET', journal, 'n', seq) end
return 'done'`,
};

/** ARGV: runId, seq, attempt, token, outcome, settlement, '1' for a result or '0', result. */
export const SETTLE_CALL: RedisScript = {
  name: "runletSettleCall",
  lua: `${CALL_LUA}
local refused = refusal()
if refused then return refused end
local outcome, before, kind, last = headOf()
if last == token then return 'done' end
if outcome ~= 'pending' or before ~= attempt then return 'settled' end
local head = ARGV[6] .. ' ' .. attempt .. ' ' .. kind .. ' ' .. token
redis.call('HSET', journal, seq, head, seq .. ':s', ARGV[7])
if ARGV[8] == '1' then redis.call('HSET', journal, seq .. ':r', ARGV[9]) end
return 'done'`,
};

/** ARGV: runId, seq, attempt, token, askedAtMs, expiresAtMs. */
export const ASK_CALL: RedisScript = {
  name: "runletAskCall",
  lua: `${CALL_LUA}
local refused = refusal()
if refused then return refused end
local outcome, before, kind, last = headOf()
if last == token then return 'done' end
if outcome ~= 'pending' or before ~= attempt then return 'settled' end
redis.call('HSET', journal, seq, 'awaiting ' .. attempt .. ' ' .. kind .. ' ' .. token, seq .. ':a', ARGV[6] .. ' ' .. ARGV[7])
redis.call('HDEL', journal, seq .. ':d')
redis.call('ZADD', P .. 'z:x', ARGV[7], seq .. ' ' .. id)
return 'done'`,
};

/** ARGV: runId, seq, '', '', decision. */
export const DECIDE_CALL: RedisScript = {
  name: "runletDecideCall",
  lua: `${CALL_LUA}
local decided = redis.call('HGET', journal, seq .. ':d')
if decided or headOf() ~= 'awaiting' then return decided end
redis.call('HSET', journal, seq .. ':d', ARGV[6])
forget()
return ARGV[6]`,
};

/** ARGV: nowMs, limit. Drops entries of journals that are gone: those are not looked for when a journal is deleted. */
export const EXPIRED_CALLS: RedisScript = {
  name: "runletExpiredCalls",
  lua: `
local P, now, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = {}
while #found < limit do
  local page = redis.call('ZRANGE', P .. 'z:x', '-inf', now, 'BYSCORE', 'LIMIT', #found, limit - #found)
  local stale = 0
  for _, member in ipairs(page) do
    local seq, id = member:match('^(%d+) (.*)$')
    local journal = P .. 'j:' .. id
    local head = redis.call('HGET', journal, seq)
    if head and head:sub(1, 9) == 'awaiting ' and redis.call('HEXISTS', journal, seq .. ':d') == 0 then
      found[#found + 1] = member
    else
      stale = stale + 1
      redis.call('ZREM', P .. 'z:x', member)
    end
  end
  if stale == 0 then return found end
end
return found`,
};

/** ARGV: runId, after, limit or -1, kind or '', size or -1. Gives whether that is all, and lists of one call's fields. */
export const LIST_CALLS: RedisScript = {
  name: "runletListCalls",
  lua: `${UNITS_LUA}
local journal = ARGV[1] .. 'j:' .. ARGV[2]
local after, limit, wanted, maxSize = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local calls, size = {}, 0
if limit == 0 then return {1, calls} end
local seq, highest = after, tonumber(redis.call('HGET', journal, 'n') or '0')
while seq < highest do
  seq = seq + 1
  local head = redis.call('HGET', journal, seq)
  if head and (wanted == '' or head:match('^%S+ %S+ (%S+)') == wanted) then
    local n = string.format('%d', seq)
    local fields = redis.call('HMGET', journal, n .. ':c', n .. ':g', n .. ':s', n .. ':r', n .. ':a', n .. ':d')
    calls[#calls + 1] = {n, head, unpack(fields)}
    size = size + units(fields[2]) + units(fields[4])
    if #calls == limit or (maxSize >= 0 and size > maxSize) then return {1, calls} end
    if #calls >= ${PAGE.records} or size > ${PAGE.units} then return {0, calls} end
  end
end
return {1, calls}`,
};

/** ARGV: runId, '', attempt. */
export const CLEAR_CALLS: RedisScript = {
  name: "runletClearCalls",
  lua: `${CALL_LUA}
local refused = refusal()
if refused then return refused end
redis.call('UNLINK', journal)
return 'done'`,
};

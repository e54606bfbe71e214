import { PAGE, UNITS_LUA, type RedisScript } from "./script.ts";

/**
 * A run is kept under these keys, each behind the prefix:
 *
 *     r:ID   hash: principal, status, source, createdAtMs, startedAtMs, endedAtMs, attempt, token of the last write; all small,
 *            so that Redis keeps it in one piece
 *     q:ID   the request
 *     t:ID   hash, where there is any: outcome, state, metadata, claim (the key that names it)
 *     j:ID   hash: the journal      b:ID  hash: the whole result      v:ID  stream: the events
 *     c:[PRINCIPAL,KEY]   who holds an idempotency key: id, line break, digest
 *     z:a  z:p:PRINCIPAL  z:s:STATUS  z:b:STATUS:PRINCIPAL   sorted sets of ids, all of score 0: sorted by id
 *     z:e    sorted set of ended runs by their end       z:x  sorted set of undecided calls by their expiry
 */
const INDEX_LUA = `
local P = ARGV[1]
local function unlist(id, principal, status)
  redis.call('ZREM', P .. 'z:s:' .. status, id)
  redis.call('ZREM', P .. 'z:b:' .. status .. ':' .. principal, id)
end
local function enlist(id, principal, status)
  redis.call('ZADD', P .. 'z:s:' .. status, 0, id)
  redis.call('ZADD', P .. 'z:b:' .. status .. ':' .. principal, 0, id)
end
local function allowed(from, status)
  return from:find(' ' .. status .. ' ', 1, true) ~= nil
end
local function release(id, claim)
  local key = P .. 'c:' .. claim
  local holder = redis.call('GET', key)
  if holder and holder:sub(1, #id + 1) == id .. '\\n' then redis.call('DEL', key) end
end
`;

/** ARGV: id, token, request, claim or '', digest, count of fields, fields of `r`, fields of `t`. */
export const INSERT: RedisScript = {
  name: "runletInsertRun",
  lua: `${INDEX_LUA}
local id, token, request, claim, digest, count = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local run = P .. 'r:' .. id
local last = redis.call('HGET', run, 'inserted')
if last == token then return {'kept'} end
if claim ~= '' then
  local holder = redis.call('GET', P .. 'c:' .. claim)
  if holder then return {'claimed', holder} end
end
if last or redis.call('EXISTS', run) == 1 then return {'exists'} end
local fields = {}
for at = 8, 7 + count do fields[#fields + 1] = ARGV[at] end
redis.call('HSET', run, 'inserted', token, unpack(fields))
local texts = {}
for at = 8 + count, #ARGV do texts[#texts + 1] = ARGV[at] end
if claim ~= '' then
  redis.call('SET', P .. 'c:' .. claim, id .. '\\n' .. digest)
  texts[#texts + 1] = 'claim'
  texts[#texts + 1] = claim
end
if #texts > 0 then redis.call('HSET', P .. 't:' .. id, unpack(texts)) end
redis.call('SET', P .. 'q:' .. id, request)
local known = redis.call('HMGET', run, 'principal', 'status', 'endedAtMs')
redis.call('ZADD', P .. 'z:a', 0, id)
redis.call('ZADD', P .. 'z:p:' .. known[1], 0, id)
enlist(id, known[1], known[2])
if known[3] then redis.call('ZADD', P .. 'z:e', known[3], id) end
redis.call('PERSIST', P .. 'v:' .. id)
return {'kept'}`,
};

/** ARGV: id, token, statuses, startedAtMs. */
export const TAKE: RedisScript = {
  name: "runletTakeRun",
  lua: `${INDEX_LUA}
local id, token, from, now = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local run = P .. 'r:' .. id
local known = redis.call('HMGET', run, 'principal', 'status', 'attempt', 'startedAtMs', 'token')
if not known[2] then return false end
if known[5] == token then return {known[3], known[4]} end
if not allowed(from, known[2]) then return false end
local started = known[4] or now
local attempt = redis.call('HINCRBY', run, 'attempt', 1)
redis.call('HSET', run, 'status', 'running', 'startedAtMs', started, 'token', token)
if known[2] ~= 'running' then
  unlist(id, known[1], known[2])
  enlist(id, known[1], 'running')
end
return {tostring(attempt), started}`,
};

/** ARGV: id, token, statuses, attempt or '', then three of each change: name, '1' for a value or '0' for none, value. */
export const UPDATE: RedisScript = {
  name: "runletUpdateRun",
  lua: `${INDEX_LUA}
local id, token, from, attempt = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local run = P .. 'r:' .. id
local known = redis.call('HMGET', run, 'principal', 'status', 'attempt', 'token')
if not known[2] then return 0 end
if known[4] == token then return 1 end
if not allowed(from, known[2]) or (attempt ~= '' and attempt ~= known[3]) then return 0 end
redis.call('HSET', run, 'token', token)
for at = 6, #ARGV, 3 do
  local name, value = ARGV[at], ARGV[at + 1] == '1' and ARGV[at + 2]
  local key = (name == 'outcome' or name == 'state') and P .. 't:' .. id or run
  if value then redis.call('HSET', key, name, value) else redis.call('HDEL', key, name) end
  if name == 'endedAtMs' then
    if value then redis.call('ZADD', P .. 'z:e', value, id) else redis.call('ZREM', P .. 'z:e', id) end
  elseif name == 'status' and value ~= known[2] then
    unlist(id, known[1], known[2])
    enlist(id, known[1], value)
  end
end
return 1`,
};

/** ARGV: id. */
export const GET: RedisScript = {
  name: "runletGetRun",
  lua: `
local P, id = ARGV[1], ARGV[2]
local run = redis.call('HGETALL', P .. 'r:' .. id)
if #run == 0 then return false end
return {run, redis.call('GET', P .. 'q:' .. id), redis.call('HGETALL', P .. 't:' .. id)}`,
};

/** ARGV: name of the sorted set, id before which or '', limit, size or -1. Gives whether that is all, and pairs of id and run. */
export const LIST: RedisScript = {
  name: "runletListRuns",
  lua: `${UNITS_LUA}
local P, limit, maxSize = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5])
local from = ARGV[3] == '' and '+' or '(' .. ARGV[3]
local asked = math.min(limit, ${PAGE.records})
local ids = redis.call('ZRANGE', P .. ARGV[2], from, '-', 'BYLEX', 'REV', 'LIMIT', 0, asked)
local runs, size = {}, 0
for _, id in ipairs(ids) do
  local request, texts = redis.call('GET', P .. 'q:' .. id), redis.call('HGETALL', P .. 't:' .. id)
  runs[#runs + 1] = {id, {redis.call('HGETALL', P .. 'r:' .. id), request, texts}}
  size = size + units(request)
  for at = 1, #texts, 2 do
    if texts[at] == 'outcome' then size = size + units(texts[at + 1]) end
  end
  if maxSize >= 0 and size > maxSize then return {1, runs} end
  if size > ${PAGE.units} then return {0, runs} end
end
return {(#ids < asked or asked == limit) and 1 or 0, runs}`,
};

/** ARGV: endedBeforeMs, how many. Gives how many were deleted. */
export const PRUNE: RedisScript = {
  name: "runletPruneRuns",
  lua: `${INDEX_LUA}
local ids = redis.call('ZRANGE', P .. 'z:e', '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  local known = redis.call('HMGET', P .. 'r:' .. id, 'principal', 'status')
  local claim = redis.call('HGET', P .. 't:' .. id, 'claim')
  if claim then release(id, claim) end
  if known[1] then
    unlist(id, known[1], known[2])
    redis.call('ZREM', P .. 'z:p:' .. known[1], id)
  end
  redis.call('ZREM', P .. 'z:a', id)
  redis.call('ZREM', P .. 'z:e', id)
  redis.call('UNLINK', P .. 'r:' .. id, P .. 'q:' .. id, P .. 't:' .. id, P .. 'j:' .. id, P .. 'b:' .. id, P .. 'v:' .. id)
end
return #ids`,
};

/**
 * The scripts that decide, in Redis, which run goes next. Each is atomic and sees only keys that begin with KEYS[1]:
 *
 * - `turns`     sorted set: principals by turn; the lowest is served next
 * - `lane:` + principal   sorted set: its waiting runs by falling priority, and of one priority by arrival
 * - `waiting`   hash: run → its waiting entry
 * - `later`     hash: run → its entry whose time has not come
 * - `taken`     hash: permit → the token of who runs by it, a space, the entry that runs
 * - `running`   hash: run and attempt → permit
 * - `cancelled` hash: run and attempt → why it is to end; only of entries that run
 * - `workers`   sorted set: `node concurrency averageMs` by when it is to be forgotten, ms since the epoch
 * - `counter`   orders turns and arrivals
 *
 * An entry is text: run, attempt, priority, arrival and principal, a space between; only the last may have spaces in it.
 */
const COMMON = `
local K = KEYS[1]
local call = redis.call
local function lane(principal) return K .. 'lane:' .. principal end
local function parse(text)
  local run, attempt, priority, arrival, principal = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (.*)$')
  return {run = run, attempt = attempt, priority = priority, arrival = arrival, principal = principal}
end

local function enter(run, attempt, priority, principal)
  local arrival = call('INCRBY', K .. 'counter', 2)
  call('ZADD', K .. 'turns', 'NX', arrival - 1, principal)
  arrival = string.format('%016d', arrival)
  call('ZADD', lane(principal), -priority, arrival .. run)
  local entry = run .. ' ' .. attempt .. ' ' .. priority .. ' ' .. arrival .. ' ' .. principal
  call('HSET', K .. 'waiting', run, entry)
end

local function closeLane(principal)
  if call('EXISTS', lane(principal)) == 0 then call('ZREM', K .. 'turns', principal) end
end

-- Takes out what waits of a run. Returns its attempt, or nil.
local function remove(run)
  local found = call('HGET', K .. 'waiting', run)
  if found then
    local entry = parse(found)
    call('HDEL', K .. 'waiting', run)
    call('ZREM', lane(entry.principal), entry.arrival .. run)
    closeLane(entry.principal)
    return entry.attempt
  end
  found = call('HGET', K .. 'later', run)
  if found then
    call('HDEL', K .. 'later', run)
    return parse(found).attempt
  end
end
`;

/**
 * Takes entries in. ARGV: depth, depth of one principal, then of each: run, attempt, priority, principal, whether its time is
 * still to come ("1").
 *
 * Returns waiting, places of all workers together, average duration in ms, then of each: what became of it (0 taken in,
 * 1 known already, 2 refused as all places are taken, 3 as those of its principal are), waiting of its principal.
 */
export const ADD = `${COMMON}
local depth, own = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = call('TIME')
local places, average = 0, 0
for _, worker in ipairs(call('ZRANGEBYSCORE', K .. 'workers', now[1] * 1000, '+inf')) do
  local concurrency, averageMs = string.match(worker, ' (%d+) (%d+)$')
  places = places + concurrency
  average = math.max(average, tonumber(averageMs))
end
local free = math.max(0, places - call('HLEN', K .. 'taken'))
local waiting = call('HLEN', K .. 'waiting')
local later = call('HLEN', K .. 'later')
local reply = {0, places, average}
for i = 3, #ARGV, 5 do
  local run, attempt, priority, principal = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local verdict, lanes = 0, 0
  local queued = call('HGET', K .. 'waiting', run) or (later > 0 and call('HGET', K .. 'later', run))
  if call('HEXISTS', K .. 'running', run .. '.' .. attempt) == 1
    or (queued and tonumber(parse(queued).attempt) >= tonumber(attempt)) then
    verdict = 1
  elseif ARGV[i + 4] == '1' then
    if queued then remove(run) end
    later = later + 1
    call('HSET', K .. 'later', run, run .. ' ' .. attempt .. ' ' .. priority .. ' - ' .. principal)
  else
    lanes = call('ZCARD', lane(principal))
    if waiting >= depth + free then verdict = 2
    elseif lanes >= own + free then verdict = 3
    else
      if queued then remove(run) end
      enter(run, attempt, priority, principal)
      waiting = waiting + 1
    end
  end
  if queued and verdict == 0 then waiting = call('HLEN', K .. 'waiting') end
  table.insert(reply, verdict)
  table.insert(reply, lanes)
end
reply[1] = waiting
return reply`;

/**
 * Releases permits whose runs have ended, then takes runs by others. ARGV: how many permits are released, of each: its name,
 * its token, run and attempt; then how many more each principal may run that the next ones do not name ("" when any number),
 * how many follow, principal and how many more it may run …, then of each permit: its name, the token of who takes it, "d"
 * when its run's time has just come, else "".
 *
 * To be sent twice does no harm. What another has taken up since is not released. Returns waiting, then of each permit to take by: what became of it (0 nothing
 * waits, 1 took one, 2 goes on with the one it had, 3 none that waits may run, 4 as 3 but one may as far as is known here: ask
 * again), and the entry.
 */
export const TURN = `${COMMON}
local at = 2 + 3 * ARGV[1]
local told = at > 2 and call('HLEN', K .. 'cancelled') > 0
for i = 2, at - 1, 3 do
  local held = call('HGET', K .. 'taken', ARGV[i])
  local token = ARGV[i + 1] .. ' '
  if held and string.sub(held, 1, #token) == token then
    call('HDEL', K .. 'taken', ARGV[i])
    call('HDEL', K .. 'running', ARGV[i + 2])
    if told then call('HDEL', K .. 'cancelled', ARGV[i + 2]) end
  end
end

local default = tonumber(ARGV[at])
local rooms, named, full = {}, {}, 0
local first = at + 2
at = first + 2 * ARGV[at + 1]
for i = first, at - 1, 2 do
  rooms[ARGV[i]] = tonumber(ARGV[i + 1])
  named[ARGV[i]] = true
  if rooms[ARGV[i]] <= 0 then full = full + 1 end
end
local function spend(principal)
  local room = rooms[principal] or default
  if not room then return end
  rooms[principal] = room - 1
  if room == 1 then full = full + 1 end
end

-- Returns the principal that is served next, or the reason why none is.
local function choose()
  local reason = 0
  for _, principal in ipairs(call('ZRANGE', K .. 'turns', 0, full)) do
    if not rooms[principal] or rooms[principal] > 0 then return nil, principal end
    reason = (reason == 4 or not named[principal]) and 4 or 3
  end
  return reason
end

local function take(permit, token)
  local reason, principal = choose()
  if reason then return reason, '' end
  local run = string.sub(call('ZPOPMIN', lane(principal))[1], 17)
  if call('EXISTS', lane(principal)) == 0 then call('ZREM', K .. 'turns', principal)
  else call('ZADD', K .. 'turns', call('INCR', K .. 'counter'), principal) end
  spend(principal)
  local text = call('HGET', K .. 'waiting', run)
  call('HDEL', K .. 'waiting', run)
  call('HSET', K .. 'taken', permit, token .. ' ' .. text)
  call('HSET', K .. 'running', run .. '.' .. string.match(text, '^%S+ (%S+)'), permit)
  return 1, text
end

local reply = {0}
for i = at, #ARGV, 3 do
  local permit, token, kind = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local held = call('HGET', K .. 'taken', permit)
  local what, text
  if held then
    -- By the same token when this script is sent again because its answer was lost.
    what = string.sub(held, 1, #token + 1) == token .. ' ' and 1 or 2
    text = string.match(held, '^%S+ (.*)$')
    call('HSET', K .. 'taken', permit, token .. ' ' .. text)
  else
    local run = kind ~= '' and string.match(permit, '^(.*)%.%d+$')
    local due = run and call('HGET', K .. 'later', run)
    if due then
      local entry = parse(due)
      if run .. '.' .. entry.attempt == permit then
        call('HDEL', K .. 'later', run)
        enter(run, entry.attempt, entry.priority, entry.principal)
      end
    end
    what, text = take(permit, token)
  end
  table.insert(reply, what)
  table.insert(reply, text)
end
reply[1] = call('HLEN', K .. 'waiting')
return reply`;

/**
 * Cancels a run. ARGV: run, why, channel. Returns the attempt of its entry that waited ("" where none did), and how many of its
 * entries run, which are told.
 */
export const CANCEL = `${COMMON}
local removed = remove(ARGV[1]) or ''
local told = 0
for _, running in ipairs(call('HKEYS', K .. 'running')) do
  if string.match(running, '^(.*)%.%d+$') == ARGV[1] then
    call('HSET', K .. 'cancelled', running, ARGV[2])
    told = told + 1
  end
end
if told > 0 then call('PUBLISH', ARGV[3], cjson.encode({ARGV[1], ARGV[2]})) end
return {removed, told}`;

/**
 * A sign of life. ARGV: node, jobs it runs at once (0: it runs none), average duration, how long this holds in ms, how BullMQ's
 * keys of jobs begin, then the entries that run there. Forgets what runs by permits that are gone: their process died between
 * their end and their release. Returns waiting, then of each entry why it is to end, or nil.
 */
export const BEAT = `${COMMON}
for _, permit in ipairs(call('HKEYS', K .. 'taken')) do
  if call('EXISTS', ARGV[5] .. permit) == 0 then
    local run, attempt = string.match(call('HGET', K .. 'taken', permit), '^%S+ (%S+) (%S+)')
    call('HDEL', K .. 'taken', permit)
    call('HDEL', K .. 'running', run .. '.' .. attempt)
    call('HDEL', K .. 'cancelled', run .. '.' .. attempt)
  end
end
local now = call('TIME')
call('ZREMRANGEBYSCORE', K .. 'workers', '-inf', now[1] * 1000)
for _, worker in ipairs(call('ZRANGE', K .. 'workers', 0, -1)) do
  if string.match(worker, '^%S+') == ARGV[1] then call('ZREM', K .. 'workers', worker) end
end
if ARGV[2] ~= '0' then
  call('ZADD', K .. 'workers', now[1] * 1000 + ARGV[4], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
end
local reply = {call('HLEN', K .. 'waiting')}
for i = 6, #ARGV do table.insert(reply, call('HGET', K .. 'cancelled', ARGV[i])) end
return reply`;

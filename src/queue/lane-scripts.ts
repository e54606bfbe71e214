/**
 * The scripts that decide, in Redis, which run goes next. Each is atomic and sees only keys that begin with KEYS[1]:
 *
 * - `turns`     sorted set: principals by turn; the lowest is served next
 * - `lane:` + principal   sorted set: its waiting runs by falling priority, and of one priority by arrival
 * - `waiting`   hash: run → its waiting entry
 * - `later`     hash: run → its entry whose time has not come
 * - `taken`     hash: permit → the entry that runs by it, with the token of who runs it
 * - `running`   hash: run and attempt → permit
 * - `cancelled` hash: run and attempt → why it is to end; only of entries that run
 * - `workers`   sorted set: `node concurrency averageMs` by when it is to be forgotten, ms since the epoch
 * - `counter`   orders turns and arrivals
 *
 * An entry is JSON: `[run, attempt, priority, arrival, principal]`; one that runs has the token after that.
 */
const COMMON = `
local K = KEYS[1]
local call = redis.call
local function lane(principal) return K .. 'lane:' .. principal end
local function name(entry) return entry[1] .. '.' .. entry[2] end

local function enter(run, attempt, priority, principal)
  local arrival = call('INCRBY', K .. 'counter', 2)
  call('ZADD', K .. 'turns', 'NX', arrival - 1, principal)
  arrival = string.format('%016d', arrival)
  call('ZADD', lane(principal), -priority, arrival .. run)
  call('HSET', K .. 'waiting', run, cjson.encode({run, attempt, priority, arrival, principal}))
end

local function closeLane(principal)
  if call('EXISTS', lane(principal)) == 0 then call('ZREM', K .. 'turns', principal) end
end

local function leave(entry)
  call('HDEL', K .. 'waiting', entry[1])
  call('ZREM', lane(entry[5]), entry[4] .. entry[1])
  closeLane(entry[5])
end

-- Takes out what waits of a run, if its attempt is below. Returns its name, or false.
local function remove(run, below)
  for _, key in ipairs({'waiting', 'later'}) do
    local found = call('HGET', K .. key, run)
    if found then
      local entry = cjson.decode(found)
      if below and tonumber(entry[2]) >= below then return false end
      if key == 'waiting' then leave(entry) else call('HDEL', K .. key, run) end
      return name(entry)
    end
  end
  return false
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
call('ZREMRANGEBYSCORE', K .. 'workers', '-inf', now[1] * 1000)
local places, average = 0, 0
for _, worker in ipairs(call('ZRANGE', K .. 'workers', 0, -1)) do
  local concurrency, averageMs = string.match(worker, ' (%d+) (%d+)$')
  places = places + concurrency
  average = math.max(average, tonumber(averageMs))
end
local free = math.max(0, places - call('HLEN', K .. 'taken'))
local waiting = call('HLEN', K .. 'waiting')
local function known(run, attempt)
  for _, key in ipairs({'waiting', 'later'}) do
    local found = call('HGET', K .. key, run)
    if found and tonumber(cjson.decode(found)[2]) >= tonumber(attempt) then return true end
  end
  return call('HEXISTS', K .. 'running', run .. '.' .. attempt) == 1
end
local reply = {0, places, average}
for i = 3, #ARGV, 5 do
  local run, attempt, priority, principal = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  local verdict, lanes = 0, 0
  if known(run, attempt) then
    verdict = 1
  elseif ARGV[i + 4] == '1' then
    if remove(run, tonumber(attempt)) then waiting = call('HLEN', K .. 'waiting') end
    call('HSET', K .. 'later', run, cjson.encode({run, attempt, priority, '', principal}))
  else
    lanes = call('ZCARD', lane(principal))
    if waiting >= depth + free then verdict = 2
    elseif lanes >= own + free then verdict = 3
    else
      remove(run, tonumber(attempt))
      enter(run, attempt, priority, principal)
      waiting = call('HLEN', K .. 'waiting')
    end
  end
  table.insert(reply, verdict)
  table.insert(reply, lanes)
end
reply[1] = waiting
return reply`;

/**
 * Takes runs by permits. ARGV: how many more each principal may run that the next ones do not name ("" when any number),
 * how many follow, principal and how many more it may run …, then of each permit: its name, the token of who takes it, whether
 * its run's time has just come ("1").
 *
 * Returns waiting, then of each permit: what became of it (0 nothing waits, 1 took one, 2 goes on with the one it had, 3 none
 * that waits may run, 4 as 3 but one may as far as is known here: ask again), and the entry.
 */
export const TAKE = `${COMMON}
local default = tonumber(ARGV[1])
local rooms, named, full = {}, {}, 0
local at = 3 + 2 * ARGV[2]
for i = 3, at - 1, 2 do
  rooms[ARGV[i]] = tonumber(ARGV[i + 1])
  named[ARGV[i]] = true
  if rooms[ARGV[i]] <= 0 then full = full + 1 end
end
local function spend(principal)
  if not rooms[principal] then rooms[principal] = default end
  if not rooms[principal] then return end
  rooms[principal] = rooms[principal] - 1
  if rooms[principal] == 0 then full = full + 1 end
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
  local member = call('ZPOPMIN', lane(principal))[1]
  call('ZADD', K .. 'turns', call('INCR', K .. 'counter'), principal)
  closeLane(principal)
  spend(principal)
  local run = string.sub(member, 17)
  local entry = cjson.decode(call('HGET', K .. 'waiting', run))
  call('HDEL', K .. 'waiting', run)
  entry[6] = token
  local text = cjson.encode(entry)
  call('HSET', K .. 'taken', permit, text)
  call('HSET', K .. 'running', name(entry), permit)
  return 1, text
end

local reply = {0}
for i = at, #ARGV, 3 do
  local permit, token = ARGV[i], ARGV[i + 1]
  local held = call('HGET', K .. 'taken', permit)
  local what, text
  if held then
    local entry = cjson.decode(held)
    entry[6] = token
    what, text = 2, cjson.encode(entry)
    call('HSET', K .. 'taken', permit, text)
  else
    if ARGV[i + 2] == '1' then
      local run = string.match(permit, '^(.*)%.%d+$')
      local due = run and call('HGET', K .. 'later', run)
      local entry = due and cjson.decode(due)
      if entry and name(entry) == permit then
        call('HDEL', K .. 'later', run)
        enter(run, entry[2], entry[3], entry[5])
      end
    end
    what, text = take(permit, token)
  end
  table.insert(reply, what)
  table.insert(reply, text)
end
reply[1] = call('HLEN', K .. 'waiting')
return reply`;

/** Tells that runs have ended. ARGV: of each its permit and the token of who ran it; what another has taken up since stays. */
export const RELEASE = `${COMMON}
for i = 1, #ARGV, 2 do
  local held = call('HGET', K .. 'taken', ARGV[i])
  local entry = held and cjson.decode(held)
  if entry and entry[6] == ARGV[i + 1] then
    call('HDEL', K .. 'taken', ARGV[i])
    call('HDEL', K .. 'running', name(entry))
    call('HDEL', K .. 'cancelled', name(entry))
  end
end
return 0`;

/**
 * Cancels a run. ARGV: run, why, channel. Returns the name of its entry that waited ("" where none did), and how many of its
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
 * A sign of life. ARGV: node, jobs it runs at once (0: it runs none), average duration, how long this holds in ms, then the
 * entries that run there. Returns waiting, then of each entry why it is to end, or nil.
 */
export const BEAT = `${COMMON}
for _, worker in ipairs(call('ZRANGE', K .. 'workers', 0, -1)) do
  if string.match(worker, '^%S+') == ARGV[1] then call('ZREM', K .. 'workers', worker) end
end
if ARGV[2] ~= '0' then
  local now = call('TIME')
  call('ZADD', K .. 'workers', now[1] * 1000 + ARGV[4], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
end
local reply = {call('HLEN', K .. 'waiting')}
for i = 5, #ARGV do table.insert(reply, call('HGET', K .. 'cancelled', ARGV[i])) end
return reply`;

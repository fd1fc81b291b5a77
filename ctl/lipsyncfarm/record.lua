-- What a job's record is made of, and what each of its moves does with it; moves.lua has the moves.
--
--   job:ID            hash: the record; `spec` is what was handed in, the rest is where it is
--   jobs, jobs:USER   sorted sets of ids, by the order in which they came
--   queue:LEVEL:USER  sorted sets of queued ids, by that order; levels are 0 (first), 1, 2
--   users:LEVEL       sorted sets of users with queued jobs there, by when they last had their turn
--   served            hash: user -> that turn
--   waiting, running  hashes: user -> number of jobs
--   ages, leases, expiries, ended   sorted sets of ids, by the ms in which something comes due
--   shares:ID         set: the jobs that make shares of that one, which are in no list
--   keys              hash: USER and KEY -> id
--   inputs            hash: SHA-256 -> number of records that name it
--   hosts             sorted set of hosts by the ms in which they were last seen; host:HOST tells more
--   events            stream: each change of a job's state, by its number
--
-- All times are Redis's own, in ms, so it does not matter how the hosts' clocks go.
local prefix = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local EVENTS, AGEING, LOOKED_AT, WEEK = 10000, 600000, 100, 604800000
local MOST_FAILURES, MOST_LOSSES = 3, 10

local function key(...) return prefix .. table.concat({ ... }, ':') end
local function record(id) return key('job', id) end
local function get(id, name) return redis.call('HGET', record(id), name) end
local function set(id, ...) redis.call('HSET', record(id), ...) end

local function add(name, member, change)
    if redis.call('HINCRBY', key(name), member, change) <= 0 then redis.call('HDEL', key(name), member) end
end

-- One more change of a job's state, for those who follow; who makes a share is nobody's news.
local function tell(id)
    local seq = redis.call('INCR', key('seq'))
    set(id, 'seq', seq)
    if get(id, 'share_of') then return end
    local flat, fields = redis.call('HGETALL', record(id)), {}
    for at = 1, #flat, 2 do
        if flat[at] ~= 'spec' and flat[at] ~= 'signature' then fields[flat[at]] = flat[at + 1] end
    end
    redis.call('XADD', key('events'), 'MAXLEN', '~', EVENTS, seq .. '-0',
        'job', id, 'at', now, 'record', cjson.encode(fields))
end

local function leave_queue(id)
    local user, level = get(id, 'user'), get(id, 'level')
    redis.call('ZREM', key('queue', level, user), id)
    redis.call('ZREM', key('ages'), id)
    if redis.call('EXISTS', key('queue', level, user)) == 0 then
        redis.call('ZREM', key('users', level), user)
    end
end

local function enter_queue(id, level)
    local user = get(id, 'user')
    set(id, 'level', level)
    redis.call('ZADD', key('queue', level, user), get(id, 'sequence'), id)
    redis.call('ZADD', key('users', level), redis.call('HGET', key('served'), user) or 0, user)
    if tonumber(level) > 0 then redis.call('ZADD', key('ages'), now + AGEING, id) end
end

-- Out of the state that it is in.
local function leave(id)
    if get(id, 'state') == 'queued' then
        leave_queue(id)
        add('waiting', get(id, 'user'), -1)
    else
        redis.call('ZREM', key('leases'), id)
        add('running', get(id, 'user'), -1)
    end
end

local function finish(id, state, ...)
    leave(id)
    redis.call('ZREM', key('expiries'), id)
    set(id, 'state', state, 'ended_at', now, ...)
    redis.call('ZADD', key('ended'), now, id)
    tell(id)
    for _, share in ipairs(redis.call('SMEMBERS', key('shares', id))) do -- nobody waits for them
        local its = get(share, 'state')
        if its == 'queued' then finish(share, 'cancelled') end
        if its == 'running' then set(share, 'cancel', 1) end
    end
end

local function expired(id)
    local due = redis.call('ZSCORE', key('expiries'), id)
    return due and tonumber(due) <= now
end

local function expire(id)
    finish(id, 'expired', 'error', cjson.encode({
        name = 'job.expired', code = 3, retryable = false,
        message = 'It was not done in the time that it was of use.',
        hint = 'Submit it again with more time.' }))
end

-- A running job goes on elsewhere, unless somebody has cancelled it or its time is up.
local function requeue(id)
    if get(id, 'cancel') then return finish(id, 'cancelled') end
    if expired(id) then return expire(id) end
    leave(id)
    add('waiting', get(id, 'user'), 1)
    redis.call('HDEL', record(id), 'host', 'started_at', 'progress')
    set(id, 'state', 'queued')
    enter_queue(id, get(id, 'level'))
    tell(id)
end

local function is_held(id, fence)
    return get(id, 'state') == 'running' and get(id, 'fence') == fence
end

local function holding(id, fence)
    if redis.call('EXISTS', record(id)) == 0 then return 'gone' end
    return is_held(id, fence) and 'held' or 'lost'
end

local function alive(lease)
    return redis.call('ZRANGEBYSCORE', key('hosts'), now - lease, '+inf')
end

-- Not on a host that makes other bytes than it needs, nor on one on which it failed, as long as
-- there is another.
local function suits(id, host, hosts, fingerprint)
    local needs = get(id, 'needs')
    if needs and needs ~= fingerprint then return false end
    local failed = {}
    for _, each in ipairs(cjson.decode(get(id, 'failures') or '[]')) do failed[each.host] = true end
    if not failed[host] then return true end
    for _, other in ipairs(hosts) do
        if not failed[other] then return false end
    end
    return true
end

local function next_for(host, hosts, fingerprint)
    for level = 0, 2 do
        for _, user in ipairs(redis.call('ZRANGE', key('users', level), 0, LOOKED_AT)) do
            for _, id in ipairs(redis.call('ZRANGE', key('queue', level, user), 0, LOOKED_AT)) do
                if suits(id, host, hosts, fingerprint) then return id, user end
            end
        end
    end
end

local function start(id, user, host, lease)
    leave(id)
    add('running', user, 1)
    local turn = redis.call('INCR', key('turn'))
    redis.call('HSET', key('served'), user, turn)
    for level = 0, 2 do redis.call('ZADD', key('users', level), 'XX', turn, user) end
    redis.call('HINCRBY', record(id), 'fence', 1)
    redis.call('HINCRBY', record(id), 'attempts', 1)
    set(id, 'state', 'running', 'host', host, 'started_at', now)
    redis.call('ZADD', key('leases'), now + lease, id)
    tell(id)
    return { id, get(id, 'fence'), get(id, 'spec'), get(id, 'signature'),
        redis.call('ZSCORE', key('expiries'), id) or '', tostring(now) }
end

local function create(id, user, level, spec, signature)
    local sequence = redis.call('INCR', key('sequence'))
    set(id, 'user', user, 'level', level, 'spec', spec, 'signature', signature, 'sequence', sequence,
        'created_at', now, 'fence', 0, 'attempts', 0, 'state', 'queued')
    local made = cjson.decode(spec)
    if made.share_of then
        set(id, 'share_of', made.share_of, 'needs', made.needs or '')
        redis.call('SADD', key('shares', made.share_of), id)
    else
        redis.call('ZADD', key('jobs'), sequence, id)
        redis.call('ZADD', key('jobs', user), sequence, id)
    end
    add('waiting', user, 1)
    for _, input in ipairs(made.inputs) do add('inputs', input.sha256, 1) end
    enter_queue(id, level)
end

local function sum(name)
    local all = 0
    for _, count in ipairs(redis.call('HVALS', key(name))) do all = all + count end
    return all
end

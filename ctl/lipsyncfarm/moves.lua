-- The moves of a job's record, each of them one call: KEYS[1] is the farm's prefix, ARGV[1] the move,
-- the rest is said above each.  It runs behind record.lua, as one script.
local moves = {}

-- ID USER LEVEL SPEC SIGNATURE KEY EXPIRES(ms or '') MOST MOST_OF_USER: {'accepted' | bound, id}
function moves.submit(id, user, level, spec, signature, name, expires, most, most_of_user)
    local known = name ~= '' and redis.call('HGET', key('keys'), user .. '\n' .. name)
    if known or redis.call('EXISTS', record(id)) == 1 then return { 'accepted', known or id } end
    local is_share = cjson.decode(spec).share_of -- of a job that was let in
    if not is_share and tonumber(redis.call('HGET', key('waiting'), user) or 0) >= tonumber(most_of_user) then
        return { 'of one user', most_of_user }
    end
    if not is_share and sum('waiting') >= tonumber(most) then return { 'in all', most } end
    create(id, user, level, spec, signature)
    if name ~= '' then redis.call('HSET', key('keys'), user .. '\n' .. name, id) end
    if expires ~= '' then redis.call('ZADD', key('expiries'), now + expires, id) end
    tell(id)
    return { 'accepted', id }
end

-- HOST LEASE(ms) FINGERPRINT: the next job for this host as {id, fence, spec, signature, expiry, now},
-- or nil
function moves.take(host, lease, fingerprint)
    local id, user = next_for(host, alive(tonumber(lease)), fingerprint)
    return id and start(id, user, host, tonumber(lease))
end

-- ID FENCE LEASE PROGRESS(JSON or ''): held, cancel (somebody wants that), lost, gone
function moves.renew(id, fence, lease, progress)
    local found = holding(id, fence)
    if found ~= 'held' then return found end
    redis.call('ZADD', key('leases'), now + lease, id)
    if progress ~= '' then set(id, 'progress', progress) end
    return get(id, 'cancel') and 'cancel' or 'held'
end

-- ID FENCE STATE FIELD VALUE ...: the end of a job, by who holds it: done, lost, gone
function moves.finish(id, fence, state, ...)
    if get(id, 'fence') == fence and get(id, 'state') == state then return 'done' end
    local found = holding(id, fence)
    if found ~= 'held' then return found end
    finish(id, state, ...)
    return 'done'
end

-- ID FENCE HOST ERROR(JSON): the host is to blame, and another tries; after three the job has failed
function moves.fail(id, fence, host, problem)
    local found = holding(id, fence)
    if found ~= 'held' then return found end
    local failures = cjson.decode(get(id, 'failures') or '[]')
    failures[#failures + 1] = { host = host, error = cjson.decode(problem) }
    set(id, 'failures', cjson.encode(failures))
    if #failures < MOST_FAILURES then
        requeue(id)
        return 'queued'
    end
    local words = {}
    for at, each in ipairs(failures) do words[at] = each.host .. ': ' .. each.error.message end
    local last = failures[#failures].error
    last.message = 'It failed three times. ' .. table.concat(words, ' ')
    finish(id, 'failed', 'error', cjson.encode(last))
    return 'failed'
end

-- ID FENCE: it has not begun, and another host may have it; the attempt does not count
function moves.back(id, fence)
    local found = holding(id, fence)
    if found ~= 'held' then return found end
    redis.call('HINCRBY', record(id), 'attempts', -1)
    requeue(id)
    return 'queued'
end

-- ID USER(or '' for an admin): unknown, ended, cancelled, or asked (of the host that holds it)
function moves.cancel(id, user)
    local owner = get(id, 'user')
    if not owner or (user ~= '' and user ~= owner) then return 'unknown' end
    local state = get(id, 'state')
    if state == 'queued' then
        finish(id, 'cancelled')
        return 'cancelled'
    end
    if state ~= 'running' then return 'ended' end
    set(id, 'cancel', 1)
    return 'asked'
end

-- HOST INFO(JSON): this host is there; what came due meanwhile happens; {queued, taken over}
function moves.beat(host, info)
    redis.call('ZADD', key('hosts'), now, host)
    redis.call('SET', key('host', host), info, 'PX', WEEK)
    redis.call('ZREMRANGEBYSCORE', key('hosts'), '-inf', now - WEEK)
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('ages'), '-inf', now, 'LIMIT', 0, LOOKED_AT)) do
        local level = get(id, 'level')
        leave_queue(id)
        enter_queue(id, level - 1)
    end
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('expiries'), '-inf', now, 'LIMIT', 0, LOOKED_AT)) do
        if get(id, 'state') == 'queued' then expire(id) end
    end
    local lost = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, LOOKED_AT)
    for _, id in ipairs(lost) do
        if redis.call('HINCRBY', record(id), 'losses', 1) < MOST_LOSSES then
            requeue(id)
        else
            finish(id, 'failed', 'error', cjson.encode({
                name = 'host.lost', code = 75, retryable = true,
                message = 'Ten hosts were lost while they had it, the last was ' .. get(id, 'host') .. '.',
                hint = 'Ask the operator whether it is what ends them, then `retry` it.' }))
        end
    end
    return { sum('waiting'), #lost }
end

-- ID FENCE USER LEVEL SPEC SIGNATURE HOST LEASE: Redis has forgotten a job that this host still holds,
-- unless it is a share that nobody waits for
function moves.restore(id, fence, user, level, spec, signature, host, lease)
    if redis.call('EXISTS', record(id)) == 1 then return holding(id, fence) end
    local whole = cjson.decode(spec).share_of
    local state = whole and get(whole, 'state')
    if whole and state ~= 'queued' and state ~= 'running' then return 'lost' end
    create(id, user, level, spec, signature)
    set(id, 'fence', fence - 1)
    start(id, user, host, tonumber(lease))
    return 'held'
end

-- ID: an ended job goes, and its inputs are needed by one record less
function moves.forget(id)
    local spec = get(id, 'spec')
    if not spec or not redis.call('ZSCORE', key('ended'), id) then return {} end
    local user, made = get(id, 'user'), cjson.decode(spec)
    for _, input in ipairs(made.inputs) do add('inputs', input.sha256, -1) end
    for _, name in ipairs({ 'jobs', 'jobs:' .. user, 'ended' }) do redis.call('ZREM', key(name), id) end
    if made.share_of then redis.call('SREM', key('shares', made.share_of), id) end
    redis.call('DEL', key('shares', id))
    if made.key then redis.call('HDEL', key('keys'), user .. '\n' .. made.key) end
    redis.call('DEL', record(id))
    return {}
end

return moves[table.remove(ARGV, 1)](unpack(ARGV))

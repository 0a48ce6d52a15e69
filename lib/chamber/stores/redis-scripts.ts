import { createHash } from 'node:crypto';

/** What runs in the server, at once: nothing of anybody else comes in between. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** What `COMMIT` gives instead of results. */
export const CommitRefusal = {
  /** Something else is under the keys. */
  FORMAT: 'FORMAT',
  /** A later group of the same handle was done. */
  STALE: 'STALE',
  /** There was no memory to note that the group was done, and nothing was changed. */
  FULL: 'FULL',
} as const;

/*
 * KEYS: the records (hash), their names (sorted set, all of score 0 and so in the order of octets), the last group of
 * this handle (string). ARGV: number of the group, milliseconds to remember it, and for each commit: count of
 * conditions, count of operations, then name, "1" or "0", beginning for each condition, and name, record for each
 * operation, where no octets mean a deletion. Gives the index of the first condition that failed, or -1, for each commit.
 *
 * A group that comes twice, because the connection broke before the answer, is done once. One that comes after a later
 * one, out of a connection that was given up, is not done at all.
 *
 * A server out of memory refuses the first write of a script or none, so that nothing is done by half.
 */
export const COMMIT = script(`
local function is(kind, key)
  local found = redis.call('TYPE', key).ok
  return found == 'none' or found == kind
end
if not (is('hash', KEYS[1]) and is('zset', KEYS[2]) and is('string', KEYS[3])) then return 'FORMAT' end
local last = redis.call('GET', KEYS[3])
if last then
  local number, results = string.match(last, '^(%d+) (.*)$')
  if tonumber(number) == tonumber(ARGV[1]) then return results end
  if tonumber(number) > tonumber(ARGV[1]) then return 'STALE' end
end
local function holds(name, present, begins)
  if present == '0' then return redis.call('HEXISTS', KEYS[1], name) == 0 end
  if begins == '' then return redis.call('HEXISTS', KEYS[1], name) == 1 end
  local record = redis.call('HGET', KEYS[1], name)
  return record and string.sub(record, 1, #begins) == begins
end
local results = {}
local at = 3
while at <= #ARGV do
  local conditions, operations = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  local failed = -1
  for i = 0, conditions - 1 do
    if failed < 0 and not holds(ARGV[at], ARGV[at + 1], ARGV[at + 2]) then failed = i end
    at = at + 3
  end
  for i = 1, operations do
    if failed < 0 then
      if ARGV[at + 1] == '' then
        redis.call('HDEL', KEYS[1], ARGV[at])
        redis.call('ZREM', KEYS[2], ARGV[at])
      else
        redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
        redis.call('ZADD', KEYS[2], 0, ARGV[at])
      end
    end
    at = at + 2
  end
  results[#results + 1] = failed
end
results = table.concat(results, ',')
local noted = redis.pcall('SET', KEYS[3], ARGV[1] .. ' ' .. results, 'PX', ARGV[2])
if noted.err then return 'FULL' end
return results
`);

/*
 * KEYS: the records, their names. ARGV: from and to in the notation of ZRANGEBYLEX, most records, octets that end the
 * page. Gives name, record, name, record ...
 */
export const SCAN = script(`
local page = {}
local octets = 0
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local record = redis.call('HGET', KEYS[1], name)
  if record then
    page[#page + 1] = name
    page[#page + 1] = record
    octets = octets + #record
    if octets >= tonumber(ARGV[4]) then break end
  end
end
return page
`);

function script(text: string): Script {
  // SHA-1 is how the server names scripts.
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * UDP payloads that are the most which common paths carry, ascending: tried before anything between them. Each is an MTU
 * less the headers of IP and UDP, 48 octets under IPv6 and 28 under IPv4.
 */
const COMMON: readonly number[] = [
  // 1,280: what IPv6 demands of every link, and tunnels that know no better.
  1232, 1252,
  // 1,420: WireGuard.
  1372, 1392,
  // 1,460: tunnels in Ethernet, and clouds that leave room for them.
  1412, 1432,
  // 1,492 and 1,500: PPPoE, Ethernet.
  1444, 1452, 1464, 1472,
  // 4,096 and 9,000: InfiniBand and jumbo frames. 9,001 is that of a cloud.
  4048, 4068, 8952, 8972,
  // 16,384 and 65,536: loopback interfaces.
  16_336, 16_356, 65_488, 65_507,
];
/** Tried first, in this order: Ethernet, jumbo frames. What carries the last one is asked for the maximum next. */
const MILESTONES: readonly number[] = [1472, 8972];
/** A gain of less than this part of what is known is not worth a packet. */
const WORTHWHILE_SHIFT = 6;

/**
 * The size to try next, 0 if the search is over: `low` is known to get through, `high` not to, or it is beyond `max`, the
 * largest one allowed. Answers halve what lies between, first by common sizes and then by octets, so that any row of
 * answers comes to an end.
 */
export function nextSize(low: number, high: number, max: number): number {
  if (high - low <= low >> WORTHWHILE_SHIFT) return 0;
  for (const size of MILESTONES) if (size > low && size < high && size <= max) return size;
  if (high > max) return max - low > low >> WORTHWHILE_SHIFT ? max : 0;
  let first = 0;
  while (first < COMMON.length && COMMON[first]! <= low) first++;
  let end = first;
  while (end < COMMON.length && COMMON[end]! < high) end++;
  return end > first ? COMMON[first + ((end - first) >> 1)]! : low + ((high - low) >> 1);
}

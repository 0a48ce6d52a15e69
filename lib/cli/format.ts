const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** "1.23 GB", with decimal units. */
export function formatOctets(octets: number): string {
  if (octets < 1000) return `${Math.round(octets)} B`;
  let value = octets;
  let unit = -1;
  // 999.95 would be printed as 1000.0.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${UNITS[unit]!}`;
}

/** "123 MB/s". */
export function formatRate(octetsPerSecond: number): string {
  return `${formatOctets(octetsPerSecond)}/s`;
}

/** "0:07", "12:34", "1:02:03". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** "1 file", "2 files". */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Milliseconds with a sensible number of digits: "0.123", "12.3", "345". */
export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(3) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
}

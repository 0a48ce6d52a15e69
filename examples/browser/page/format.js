// Numbers for people.
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function formatOctets(octets) {
  let unit = 0;
  let value = octets;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Octets a second, as bits a second: the unit of networks. */
export function formatRate(octetsPerSecond) {
  const megabits = (octetsPerSecond * 8) / 1e6;
  return `${megabits >= 10 ? megabits.toFixed(0) : megabits.toFixed(1)} Mbit/s`;
}

export function formatMs(ms) {
  return `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}

// How much of the processors others use: figures that were taken while they did are worth little. Linux only; elsewhere
// nothing is known, and nothing is called disturbed.
import { readFileSync } from 'node:fs';

/** Share of one core, of which others may have had so much during a measurement. */
export const TOLERABLE = 0.08;
/** Clock ticks of a second, as /proc tells times. */
const TICKS = 100;

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Seconds that all cores together were busy since the system started, or undefined. */
function busySeconds() {
  const fields = read('/proc/stat')?.split('\n', 1)[0].split(/\s+/).slice(1).map(Number);
  if (fields === undefined) return undefined;
  // user, nice, system, then idle and waiting for disks, then interrupts and what a hypervisor took.
  return [0, 1, 2, 5, 6, 7].reduce((sum, at) => sum + fields[at], 0) / TICKS;
}

/** Seconds of CPU that a process had. */
function secondsOf(pid) {
  const fields = read(`/proc/${pid}/stat`)?.split(') ')[1].split(' ');
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Begins to watch. The result gives the share of a core that others than this process and `pids` had since then. */
export function watchOthers() {
  const before = busySeconds();
  const own = secondsOf(process.pid);
  const begin = performance.now();
  return (pids = []) => {
    if (before === undefined) return 0;
    const ours = secondsOf(process.pid) - own + pids.reduce((sum, pid) => sum + secondsOf(pid), 0);
    // Interrupts are nobody's: those of loopback are ours.
    return Math.max(0, busySeconds() - before - ours) / ((performance.now() - begin) / 1000);
  };
}

/** Waits until others let the machine alone for a moment, at most so many ms. */
export async function waitForQuiet(ms) {
  for (const end = performance.now() + ms; performance.now() < end;) {
    const others = watchOthers();
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (others() <= TOLERABLE) return;
  }
}

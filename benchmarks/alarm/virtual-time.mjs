// Time that passes when `advance` says so: to be imported before what is measured. So a transfer takes the same course
// every time, however busy the machine is.
let now = 1_000;
let number = 0;
const timers = new Map();

performance.now = () => now;
globalThis.setTimeout = (call, ms) => {
  timers.set(++number, { at: now + ms, call });
  return number;
};
globalThis.clearTimeout = (timer) => void timers.delete(timer);

/** Lets milliseconds pass and calls what is due. */
export function advance(ms) {
  now += ms;
  for (const [timer, { at, call }] of timers) {
    if (at > now) continue;
    timers.delete(timer);
    call();
  }
}

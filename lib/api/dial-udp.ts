import { sttError } from '../errors.js';
import type { BoundAddress } from '../ports/packet-engine.js';
import type { Carrier } from './carrier.js';
import type { DialOptions, OpenedSlot } from './dials.js';
import { resolveRemote } from './resolve.js';

/** Resolves a name and shakes hands over UDP, both within `timeoutMs`. `check` throws if the node has stopped meanwhile. */
export async function dialUdp(
  carrier: Carrier & { readonly bound: BoundAddress },
  host: string,
  port: number,
  dial: DialOptions,
  check: () => void,
): Promise<OpenedSlot> {
  const deadline = performance.now() + dial.timeoutMs;
  const late = (): Error =>
    sttError('ERR_STT_HANDSHAKE_TIMEOUT', { remote: `${host}:${port}`, timeoutMs: dial.timeoutMs });
  const remote = await within(resolveRemote(host, port, carrier.bound.family), dial, late);
  check();
  const timeoutMs = Math.max(1, Math.ceil(deadline - performance.now()));
  return carrier.handshakes.dial(remote, { ...dial, timeoutMs });
}

/** The system's resolver cannot be stopped; what it says later is of no interest. */
function within<T>(promise: Promise<T>, { signal, timeoutMs }: DialOptions, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal!.reason as Error);
    const timer = setTimeout(() => reject(late()), timeoutMs);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  });
}

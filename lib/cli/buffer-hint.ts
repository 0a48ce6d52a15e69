import { formatOctets } from './format.js';

/** Octets of a socket's buffers. */
export interface BufferSizes {
  readonly receiveOctets: number;
  readonly sendOctets: number;
}

/** What is to be done about socket buffers that are smaller than a node asks for. */
export interface BufferHint {
  /** Why it matters, in a sentence. */
  readonly why: string;
  /** Commands that raise the limits of the system; none where it is not known how. */
  readonly commands: readonly string[];
}

/**
 * Whether a socket got less than it asked for, and what raises the limits of the system. Undefined if it got all.
 *
 * @param granted octets that the system says a socket has, after it asked for `wanted` of each
 * @param platform as `process.platform`
 */
export function bufferHint(granted: BufferSizes, wanted: number, platform: NodeJS.Platform): BufferHint | undefined {
  // Linux counts its own bookkeeping and reports twice of what a socket may hold (socket(7)).
  const factor = platform === 'linux' ? 2 : 1;
  const lacks = [
    { what: 'receive', octets: granted.receiveOctets / factor, limit: 'net.core.rmem_max' },
    { what: 'send', octets: granted.sendOctets / factor, limit: 'net.core.wmem_max' },
  ].filter(({ octets }) => octets < wanted);
  if (lacks.length === 0) return undefined;
  const sizes = lacks.map(({ what, octets }) => `${what} ${formatOctets(octets)}`).join(', ');
  const why = `the system gives sockets less buffer (${sizes}) than the ${formatOctets(wanted)} that nodes ask for: packets that come in bursts get lost, and fast transfers slow down`;
  return { why, commands: commandsFor(platform, lacks, wanted) };
}

function commandsFor(platform: NodeJS.Platform, lacks: readonly { limit: string }[], wanted: number): string[] {
  if (platform === 'linux') return lacks.map(({ limit }) => `sysctl -w ${limit}=${wanted}`);
  // One limit for both, of which the bookkeeping takes a part.
  if (platform === 'darwin' || platform === 'freebsd') return [`sysctl -w kern.ipc.maxsockbuf=${2 * wanted}`];
  return [];
}

import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';

/** What a window of a fast path needs; the operating system gives what it allows. */
const DEFAULT_BUFFER = 4 * 1024 * 1024;

export interface UdpSocketOptions {
  /** IP address to bind. */
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** An IPv6 socket takes IPv4 as well, where the address allows it. Default true. */
  readonly dualStack?: boolean;
  /** Octets of socket buffer asked for, 4 MiB by default; the operating system may give less. */
  readonly receiveBufferOctets?: number;
  readonly sendBufferOctets?: number;
}

/** What a datagram socket may report of one datagram, and go on. */
export const TRANSIENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EMSGSIZE',
  'EINTR',
  'ENOBUFS',
  'ENOMEM',
]);

/**
 * Binds a `dgram` socket.
 *
 * @throws the operating system's own error: EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL, ...
 */
export async function bindUdp(options: UdpSocketOptions): Promise<{ readonly socket: Socket; readonly family: 4 | 6 }> {
  const family = isIPv4(options.host) ? 4 : 6;
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: options.dualStack === false,
    // Addresses are numeric always. dgram's own look-up would put every send off to a later tick.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: options.host, port: options.port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    closeQuietly(socket);
    throw error;
  });
  askForBuffers(socket, options);
  return { socket, family };
}

/**
 * Binds where the system says best: IPv6 and IPv4 on one socket where it has IPv6, else IPv4 alone.
 * @throws the operating system's own error
 */
export async function bindAny<T>(host: string | undefined, bind: (host: string) => Promise<T> | T): Promise<T> {
  if (host !== undefined) return bind(host);
  try {
    return await bind('::');
  } catch (error) {
    // No IPv6 on this machine.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error;
    return bind('0.0.0.0');
  }
}

/** Some systems refuse sizes over their limit in place of giving less: then half as much, and so on. */
function askForBuffers(socket: Socket, options: UdpSocketOptions): void {
  atMost(options.receiveBufferOctets ?? DEFAULT_BUFFER, socket.getRecvBufferSize(), (size) =>
    socket.setRecvBufferSize(size),
  );
  atMost(options.sendBufferOctets ?? DEFAULT_BUFFER, socket.getSendBufferSize(), (size) =>
    socket.setSendBufferSize(size),
  );
}

function atMost(wanted: number, current: number, set: (size: number) => void): void {
  for (let size = wanted; size > current; size = Math.floor(size / 2)) {
    try {
      set(size);
      return;
    } catch {
      continue;
    }
  }
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Never bound: nothing to close.
  }
}

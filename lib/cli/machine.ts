import { readFile } from 'node:fs/promises';
import { createSocket } from 'node:dgram';

/** What a plain socket of this machine gets, found by asking for it. */
export interface SocketBuffers {
  readonly receiveOctets: number;
  readonly sendOctets: number;
}

/** Buffers that the system gives to a socket that asks for `octets`, undefined if no socket can be made. */
export async function probeBuffers(octets: number): Promise<SocketBuffers | undefined> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', resolve);
    });
    socket.setRecvBufferSize(octets);
    socket.setSendBufferSize(octets);
    return { receiveOctets: socket.getRecvBufferSize(), sendOctets: socket.getSendBufferSize() };
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Limits of the system for socket buffers, where it tells them (Linux). */
export async function bufferLimits(): Promise<{ receiveOctets?: number; sendOctets?: number }> {
  const [receive, send] = await Promise.all([
    readNumber('/proc/sys/net/core/rmem_max'),
    readNumber('/proc/sys/net/core/wmem_max'),
  ]);
  return {
    ...(receive === undefined ? {} : { receiveOctets: receive }),
    ...(send === undefined ? {} : { sendOctets: send }),
  };
}

/** AES instructions of the processor, without the addon; undefined where the system does not tell. */
export async function processorAes(): Promise<{ aes: boolean; vaes: boolean } | undefined> {
  let text: string;
  try {
    text = await readFile('/proc/cpuinfo', 'utf8');
  } catch {
    return undefined;
  }
  const words = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? []);
  return { aes: words.has('aes'), vaes: words.has('vaes') };
}

async function readNumber(path: string): Promise<number | undefined> {
  try {
    const value = Number((await readFile(path, 'utf8')).trim());
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

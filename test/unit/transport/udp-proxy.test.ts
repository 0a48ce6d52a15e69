import { spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Impairment, seededRandom, startUdpProxy, type ImpairmentSettings } from '../../support/udp-proxy.mjs';

function run(settings: ImpairmentSettings, seed: number, count: number): { times: number[]; octets: Uint8Array[] } {
  const impairment = new Impairment(settings, seededRandom(seed));
  const times: number[] = [];
  const octets: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    impairment.pass(i, Uint8Array.of(i, i >> 8, 7, 7), (time, copy) => {
      times.push(time);
      octets.push(copy);
    });
  }
  return { times, octets };
}

describe('impairment', () => {
  it('decides the same from the same seed', () => {
    const settings = { loss: 0.1, burst: 3, duplicate: 0.1, reorder: 0.1, corrupt: 0.1, jitterMs: 5 };
    expect(run(settings, 4, 1000)).toEqual(run(settings, 4, 1000));
    expect(run(settings, 4, 1000)).not.toEqual(run(settings, 5, 1000));
  });

  it('loses the share it was told, in bursts of the mean length', () => {
    const { octets } = run({ loss: 0.2, burst: 4 }, 1, 40_000);
    expect(octets.length / 40_000).toBeCloseTo(0.8, 1);
    let bursts = 0;
    let before = -1;
    for (const copy of octets) {
      const number = copy[0]! | (copy[1]! << 8);
      if (((number - before) & 0xffff) > 1) bursts++;
      before = number;
    }
    const mean = (40_000 - octets.length) / bursts;
    expect(mean).toBeGreaterThan(3.5);
    expect(mean).toBeLessThan(4.5);
  });

  it('flips one bit of what it corrupts and leaves the original alone', () => {
    const { octets } = run({ corrupt: 1 }, 1, 100);
    octets.forEach((copy, i) => {
      const difference = [i & 0xff, i >> 8, 7, 7].map((octet, at) => octet ^ copy[at]!);
      expect(difference.filter((bits) => bits !== 0)).toHaveLength(1);
    });
  });

  it('lets no more pass than the rate and drops what does not fit its queue', () => {
    const impairment = new Impairment({ rate: 8000, queue: 100 }, seededRandom(1));
    const times: number[] = [];
    for (let i = 0; i < 10; i++) impairment.pass(0, new Uint8Array(50), (time) => times.push(time));
    expect(times).toEqual([50, 100, 150]);
    expect(impairment.stats.overflowed).toBe(7);
  });
});

describe('UDP proxy', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });

  async function socket(): Promise<Socket> {
    const made = createSocket('udp4');
    sockets.push(made);
    made.bind(0, '127.0.0.1');
    await once(made, 'listening');
    return made;
  }

  it('passes datagrams both ways, of several clients, and duplicates what it is told to', async () => {
    const server = await socket();
    server.on('message', (datagram, from) => server.send(`<${datagram.toString()}>`, from.port, from.address));
    const proxy = await startUdpProxy({ target: server.address(), both: { delayMs: 1 }, down: { duplicate: 1 } });
    for (const name of ['a', 'b']) {
      const client = await socket();
      const answers: string[] = [];
      client.send(name, proxy.port, proxy.address);
      for await (const [datagram] of datagramsOf(client)) {
        answers.push(datagram.toString());
        if (answers.length === 2) break;
      }
      expect(answers).toEqual([`<${name}>`, `<${name}>`]);
    }
    expect(proxy.stats().clients).toBe(2);
    expect(proxy.stats().up.passed).toBe(2);
    await proxy.close();
    await proxy.close();
  });
});

describe('UDP proxy as a program', () => {
  const PROGRAM = fileURLToPath(new URL('../../support/udp-proxy.mjs', import.meta.url));

  it('passes datagrams on and says at the end what it did', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    await once(server, 'listening');
    const target = `127.0.0.1:${server.address().port}`;
    const proxy = spawn(process.execPath, [PROGRAM, '--target', target, '--duplicate', '100', '--delay', '1']);
    const lines = createInterface({ input: proxy.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    const port = /^listening 127\.0\.0\.1:(\d+)$/.exec(String(first.value))![1];
    const client = createSocket('udp4');
    client.send('x', Number(port), '127.0.0.1');
    let count = 0;
    for await (const [datagram] of datagramsOf(server)) {
      expect(datagram.toString()).toBe('x');
      if (++count === 2) break;
    }
    proxy.kill('SIGTERM');
    const last = await lines.next();
    expect(JSON.parse(String(last.value))).toMatchObject({ up: { passed: 1, duplicated: 1 }, clients: 1 });
    client.close();
    server.close();
  });

  it('explains itself when it is called wrongly', () => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, '--loss', '5'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('usage:');
  });
});

async function* datagramsOf(socket: Socket): AsyncGenerator<[Buffer]> {
  const waiting: Buffer[] = [];
  let wake = (): void => {};
  socket.on('message', (datagram) => {
    waiting.push(datagram);
    wake();
  });
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) yield [next];
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}

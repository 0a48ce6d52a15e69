import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A free port of 127.0.0.1 in front of another one, which passes so many octets each way and then no more. */
export class StallingProxy {
  /** Octets that went through. */
  toServer = 0;
  toClient = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #limit = Infinity;
  #frozen = false;
  #onStalled: (() => void) | undefined;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const server = connect(target, '127.0.0.1');
      this.#pass(client, server, 'toServer');
      this.#pass(server, client, 'toClient');
    });
  }

  static async listen(target: number): Promise<StallingProxy> {
    const proxy = new StallingProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Counts anew, and stalls as soon as `limit` octets went one way; resolves then. */
  stallAfter(limit: number): Promise<void> {
    this.toServer = this.toClient = 0;
    this.#limit = limit;
    return new Promise((resolve) => (this.#onStalled = resolve));
  }

  /** Counts anew, and passes everything again; what was stalled is for connections to find lost. */
  release(): void {
    this.toServer = this.toClient = 0;
    this.#limit = Infinity;
  }

  /** Passes nothing more, neither octets nor the end of a connection: as a cable that was cut. */
  freeze(): void {
    this.#frozen = true;
    this.#limit = -1;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(from: Socket, to: Socket, count: 'toServer' | 'toClient'): void {
    this.#sockets.add(from);
    from.on('data', (data: Buffer) => {
      if (this[count] >= this.#limit) {
        from.pause();
        this.#onStalled?.();
        return;
      }
      this[count] += data.length;
      if (to.writable && !to.write(data)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#frozen) to.destroy();
    });
    from.on('error', () => {});
  }
}

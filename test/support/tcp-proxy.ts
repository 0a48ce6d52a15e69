import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client sent while the pair was held. */
  held: Buffer[] | undefined;
}

/** Between a client and a server on a Unix socket: a free port of 127.0.0.1 whose connections a test holds or cuts. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** Connections so far. */
  connections = 0;
  #onLost: (() => void) | undefined;
  #pass = 0;

  private constructor(socketPath: string, tls: { key: string; cert: string } | undefined) {
    const onConnection = (client: Socket): void => this.#join(client, socketPath);
    this.#server = tls === undefined ? createServer(onConnection) : createTlsServer(tls, onConnection);
    // A client that does not trust the certificate ends with an error.
    this.#server.on('tlsClientError', () => {});
  }

  static async listen(socketPath: string, tls?: { key: string; cert: string }): Promise<TcpProxy> {
    const proxy = new TcpProxy(socketPath, tls);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * What the present connections send arrives no more, until what is given back is called, even if they were closed.
   * That resolves when the server has answered.
   */
  hold(): () => Promise<void> {
    const pairs = [...this.#pairs];
    for (const pair of pairs) pair.held = [];
    return async () => {
      for (const { server, held } of pairs) {
        const answered = once(server, 'data');
        server.write(Buffer.concat(held!));
        await answered;
        server.destroy();
      }
    };
  }

  /** Lets some answers of the server pass, then loses one and the connection with it; resolves when it has. */
  loseAnswer(pass = 0): Promise<void> {
    this.#pass = pass;
    return new Promise((resolve) => (this.#onLost = resolve));
  }

  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, socketPath: string): void {
    this.connections++;
    const server = connect(socketPath);
    const pair: Pair = { client, server, held: undefined };
    this.#pairs.add(pair);
    client.on('data', (data: Buffer) => {
      if (pair.held === undefined) server.write(data);
      else pair.held.push(data);
    });
    server.on('data', (data: Buffer) => {
      if (this.#onLost === undefined || this.#pass-- > 0) {
        if (client.writable) client.write(data);
        return;
      }
      client.destroy();
      const onLost = this.#onLost;
      this.#onLost = undefined;
      onLost();
    });
    client.on('close', () => {
      if (pair.held === undefined) server.destroy();
    });
    server.on('close', () => {
      this.#pairs.delete(pair);
      client.destroy();
    });
    client.on('error', () => {});
    server.on('error', () => {});
  }
}

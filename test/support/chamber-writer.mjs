// A process that uses a chamber of the compiled package: chamber-writer.mjs PATH count N TIMES | read | echo
// PATH is a directory, or `redis:` and the Unix socket of a server.
import { Chamber, RedisStore, STCWrapper } from '../../dist/index.js';

const [path, what, name, times] = process.argv.slice(2);
const seed = new Uint8Array(32).fill(7);
const stc = new STCWrapper(seed);
const nodeId = new Uint8Array(32).fill(8);
const store = path.startsWith('redis:') ? await RedisStore.open({ socketPath: path.slice(6) }) : undefined;
const chamber = await Chamber.open({ ...(store === undefined ? { path } : { store }), stc, nodeId });

const actions = {
  async count() {
    for (let i = 0; i < Number(times); i++) {
      await chamber.updateSession('counter', (old) => ({ n: (old?.n ?? 0) + 1 }));
      await chamber.storeKey(`${name}/${i}`, Uint8Array.of(i));
    }
    process.send(Number(times));
  },
  async read() {
    let keys = 0;
    for await (const id of chamber.listKeys()) if (id !== '') keys++;
    const { damaged } = await chamber.verify();
    process.send({ counter: (await chamber.retrieveSession('counter')).n, keys, damaged });
  },
  async echo() {
    process.on('message', async ({ store }) => {
      await chamber.storeKey(store, Uint8Array.of(1));
      process.send(true);
    });
    process.send({ seed, nodeId });
    await new Promise(() => {});
  },
};
await actions[what]();
await chamber.close();
await store?.close();
process.disconnect();

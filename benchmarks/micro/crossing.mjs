// What a call from JavaScript into the addon costs by itself: calls that have next to nothing to do, beside the same of the
// engine in JavaScript.
import { JsPacketEngine } from '../../dist/engine/js-packet-engine.js';
import { loadNative } from '../../dist/native/binding.js';
import { NativePacketEngine } from '../../dist/native/packet-engine.js';
import { nodeProvider } from '../../dist/stc/node-provider.js';
import { encodeAddress } from '../../dist/wire/address.js';
import { PROVIDERS } from './providers.mjs';

const ADDRESS = encodeAddress('127.0.0.1', 1);
const events = { onBatch() {}, onWritable() {}, onError() {} };
const output = { canMark: false, receiveBufferOctets: 0, sendBufferOctets: 0, send: () => true, close: async () => {} };
const engines = {
  ...(loadNative().addon === undefined ? {} : { native: NativePacketEngine.withoutSocket(events) }),
  js: new JsPacketEngine({ crypto: nodeProvider, events, output }),
};
const byEngine = (make) => Object.fromEntries(Object.entries(engines).map(([name, engine]) => [name, make(engine)]));
const paths = new Map(Object.values(engines).map((engine) => [engine, engine.openPath(ADDRESS)]));
const junk = new Uint8Array(64);
const one = new Uint8Array(32);
const other = new Uint8Array(32);
const { native, node } = PROVIDERS;

export const title = 'one call';
export const cases = [
  { name: 'a number (closeSession of none)', variants: byEngine((it) => () => it.closeSession(1_000_000)) },
  { name: 'two arrays (receive, malformed)', variants: byEngine((it) => () => it.receive(junk, ADDRESS)) },
  { name: 'an array given back (pathAddress)', variants: byEngine((it) => () => it.pathAddress(paths.get(it))) },
  { name: 'nothing sent (flush)', variants: byEngine((it) => () => it.flush()) },
  {
    name: 'equal, 32 octets',
    variants: {
      ...(native === undefined ? {} : { native: () => native.equal(one, other) }),
      node: () => node.equal(one, other),
    },
  },
];

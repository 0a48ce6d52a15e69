import { describe, expect, it } from 'vitest';
import {
  loadNative,
  type NativeAddon,
  type NativeEngine,
  type NativeEngineConfig,
  type NativeNoiseState,
} from '../../lib/native/binding.js';
import { Suite } from '../../lib/ports/crypto.js';
import { ADDRESS_A } from '../support/engine-harness.js';
import { named, skipReason } from '../support/native-endpoint.js';

/** What no parameter of the addon takes, or only some. */
const ODD: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  Number.NaN,
  Infinity,
  2 ** 53,
  2 ** 64,
  -1n,
  2n ** 64n,
  '',
  'text',
  Symbol('x'),
  {},
  [],
  [1],
  [new Uint8Array(3)],
  () => {},
  new Uint8Array(0),
  new Uint8Array(8),
  new Uint8Array(22),
  new Uint8Array(32),
  new Uint16Array(4),
  new Float64Array(64),
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
  new Uint8Array(new SharedArrayBuffer(8)),
  new Proxy(new Uint8Array(8), {}),
];

const CONFIG: NativeEngineConfig = {
  bind: undefined,
  host: '',
  ipv6Only: false,
  receiveBufferOctets: 0,
  sendBufferOctets: 0,
  forceNoOffload: false,
  refuseGso: false,
  refuseMarks: false,
  blockEvery: 0,
  busyPollMicros: 0,
  slabOctets: 0,
  transmitOctets: 0,
};
const EVENTS = { onBatch: () => {}, onWritable: () => {}, onError: () => {} };

const octets = (length: number): Uint8Array => new Uint8Array(length).fill(7);

/** A right call of every method of an engine. */
const CALLS: Readonly<Record<string, readonly unknown[]>> = {
  setMac1Keys: [[octets(32)]],
  demandCookies: [[octets(32)], [octets(32), octets(32)]],
  expectHandshake: [octets(8)],
  forgetHandshake: [octets(8)],
  openPath: [ADDRESS_A],
  openSession: [octets(8), 1, octets(32), octets(12), octets(32), octets(32), octets(12), octets(32), 100],
  installNextKeys: [0, octets(32), octets(12), octets(32), octets(12)],
  switchSendKeys: [0],
  dropOldKeys: [0],
  sealStreamRun: [0, 0, 5, 1, 0, true, octets(100), 10, 90, 40],
  sealFrames: [0, 0, 7, octets(20), 0, 20],
  sendDatagram: [ADDRESS_A, octets(30)],
  flush: [],
  readStats: [new Float64Array(29)],
  takeRefusedSizes: [],
  boundAddress: [],
  receive: [octets(40), ADDRESS_A, 0],
  deliver: [],
  takeSealed: [],
  setResetToken: [0, octets(16)],
  markPath: [0, 0],
  reportStrays: [3],
  closeSession: [0],
  closePath: [0],
  pathAddress: [0],
  close: [() => {}],
};

/** A right call of every function of the addon. */
const FUNCTIONS: Readonly<Record<string, readonly unknown[]>> = {
  sha256: [[octets(3), octets(0)]],
  hmacSha256: [octets(32), [octets(3)]],
  hkdfExtract: [octets(0), octets(32)],
  hkdfExpand: [octets(32), octets(3), 42],
  sealAead: [Suite.AES_256_GCM, octets(32), octets(12), octets(0), octets(5)],
  openAead: [Suite.CHACHA20_POLY1305, octets(32), octets(12), octets(0), octets(25)],
  equal: [octets(3), octets(3)],
  createXaesCipher: [octets(32)],
  createPacketCipher: [Suite.AES_256_GCM, octets(32)],
  createHeaderCipher: [Suite.CHACHA20_POLY1305, octets(32)],
  createKeyAgreement: [octets(32)],
  createNoiseState: [octets(32)],
  encodeFrame: [5, 0, octets(8), 1n, 2n, 3, octets(0), octets(9)],
  parseFrame: [octets(60)],
  probe: [],
};

type Callable = (...args: readonly unknown[]) => unknown;

/** Calls with one argument replaced after the other; what is thrown has to be a TypeError or RangeError with a code. */
function abuse(call: (args: readonly unknown[]) => unknown, right: readonly unknown[]): void {
  for (let at = 0; at < right.length; at++) {
    for (const odd of ODD) {
      const args = [...right.slice(0, at), odd, ...right.slice(at + 1)];
      try {
        call(args);
      } catch (error) {
        expect(error instanceof TypeError || error instanceof RangeError, `${at}: ${String(error)}`).toBe(true);
        expect((error as NodeJS.ErrnoException).code).toMatch(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
      }
    }
    try {
      call(right.slice(0, at));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toMatch(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
    }
  }
}

describe.skipIf(skipReason !== undefined)(named('arguments of the native addon'), () => {
  const addon = loadNative().addon as NativeAddon;
  const engineNow = (): Record<string, Callable> =>
    new addon.Engine(CONFIG, EVENTS) as unknown as Record<string, Callable>;

  it.each(['open', 'closed'])('engine methods survive every odd argument (%s)', (state) => {
    for (const [name, right] of Object.entries(CALLS)) {
      const engine = engineNow();
      if (state === 'closed') engine['close']!(() => {});
      abuse((args) => engine[name]!(...args), right);
      engine[name]!(...right);
      engine['close']!(() => {});
    }
  });

  it('functions survive every odd argument', () => {
    for (const [name, right] of Object.entries(FUNCTIONS)) {
      const call = (addon as unknown as Record<string, Callable>)[name]!;
      abuse((args) => call(...args), right);
      call(...right);
    }
  });

  it('ciphers survive every odd argument', () => {
    const packet = addon.createPacketCipher(Suite.AES_256_GCM, octets(32)) as unknown as Record<string, Callable>;
    const header = addon.createHeaderCipher(Suite.AES_256_GCM, octets(32)) as unknown as Record<string, Callable>;
    abuse(
      (args) => packet['seal']!(...args),
      [octets(12), octets(13), octets(16), octets(100), new Uint8Array(200), 3],
    );
    abuse((args) => packet['open']!(...args), [octets(12), octets(13), octets(60), new Uint8Array(200), 3]);
    abuse((args) => header['mask']!(...args), [octets(16)]);
    const xaes = addon.createXaesCipher(octets(32)) as unknown as Record<string, Callable>;
    abuse((args) => xaes['seal']!(...args), [octets(24), octets(13), octets(100), new Uint8Array(200), 3]);
    abuse((args) => xaes['open']!(...args), [octets(24), octets(13), octets(60), new Uint8Array(200), 3]);
  });

  it('what a handshake computes with survives every odd argument', () => {
    const agreement = addon.createKeyAgreement(octets(32)) as unknown as Record<string, Callable>;
    abuse((args) => agreement['agree']!(...args), [octets(32)]);
    const state = addon.createNoiseState(octets(32)) as unknown as Record<string, Callable>;
    for (const keyed of [false, true]) {
      if (keyed) state['mixKey']!(octets(32));
      for (const method of ['mixHash', 'mixKey', 'mixKeyAndHash', 'encrypt', 'decrypt']) {
        abuse((args) => state[method]!(...args), [octets(16)]);
      }
    }
    for (const other of [{}, agreement, Object.create(state) as object, new Proxy(state, {}), addon]) {
      expect(() => addon.createNoiseState(other as NativeNoiseState)).toThrow(TypeError);
    }
    agreement['destroy']!();
    agreement['destroy']!();
    expect(() => agreement['agree']!(octets(32))).toThrow(TypeError);
    expect(() => agreement['publicKey']!()).toThrow(TypeError);
  });

  it('configurations and events survive every odd value', () => {
    for (const key of Object.keys(CONFIG)) {
      for (const odd of ODD) {
        // Sizes that are right, but not for this machine.
        if (typeof odd === 'number' && key.endsWith('Octets')) continue;
        try {
          const engine = new addon.Engine({ ...CONFIG, [key]: odd }, EVENTS);
          engine.close(() => {});
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toMatch(/^(ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)|E[A-Z]+)$/);
        }
      }
    }
    for (const odd of ODD.filter((value) => typeof value !== 'function')) {
      expect(() => new addon.Engine(CONFIG, odd as typeof EVENTS)).toThrow();
      expect(() => new addon.Engine(odd as NativeEngineConfig, EVENTS)).toThrow();
      expect(() => new addon.Engine(CONFIG, { ...EVENTS, onBatch: odd as () => void })).toThrow();
    }
  });

  it('methods are refused on other objects', () => {
    const engine = new addon.Engine(CONFIG, EVENTS);
    const cipher = addon.createPacketCipher(Suite.AES_256_GCM, octets(32));
    const flush = Object.getPrototypeOf(engine) as NativeEngine;
    for (const other of [{}, cipher, Object.create(engine) as object, new Proxy(engine, {}), undefined]) {
      expect(() => flush.flush.call(other as NativeEngine)).toThrow(TypeError);
    }
    expect(() => (addon.Engine as unknown as () => void)()).toThrow(TypeError);
    expect(() => cipher.open.call(engine, octets(12), octets(0), octets(20), octets(20), 0)).toThrow(TypeError);
    engine.close(() => {});
  });

  it('ranges outside of an array are refused', () => {
    const engine = new addon.Engine(CONFIG, EVENTS);
    const open = engine.openSession.bind(engine) as Callable;
    const slot = open(...CALLS['openSession']!) as number;
    const path = engine.openPath(ADDRESS_A);
    const chunk = octets(100);
    for (const [begin, end] of [
      [0, 101],
      [50, 49],
      [101, 101],
      [-1, 5],
      [2 ** 32, 2 ** 32 + 1],
    ] as const) {
      expect(() => engine.sealFrames(slot, path, 0, chunk, begin, end)).toThrow(RangeError);
      expect(() => engine.sealStreamRun(slot, path, 0, 1, 0, false, chunk, begin, end, 10)).toThrow(RangeError);
    }
    const gone = octets(100);
    structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
    expect(() => engine.sealFrames(slot, path, 0, gone, 0, 100)).toThrow(RangeError);
    engine.close(() => {});
  });

  it('arrays of the batch may be given away without harm', () => {
    const engine = new addon.Engine(CONFIG, EVENTS);
    structuredClone(engine.slab.buffer, { transfer: [engine.slab.buffer as ArrayBuffer] });
    engine.expectHandshake(octets(8));
    engine.receive(octets(40), ADDRESS_A, 0);
    engine.deliver();
    engine.close(() => {});
  });
});

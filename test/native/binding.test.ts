import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadNative, type NativeAddon } from '../../lib/native/binding.js';
import { named, skipReason } from '../support/native-endpoint.js';
import { sourceHash } from '../../scripts/source-hash.mjs';

const OPENSSL = /^(EVP|OSSL|CRYPTO|OPENSSL|OpenSSL|RAND|ERR|BIO|BN|EC|PEM|X509|SHA|AES|HMAC|SSL)_/;

/** Functions that a binary leaves to the process to provide; undefined without binutils. */
function undefinedFunctions(path: string): string[] | undefined {
  try {
    const text = execFileSync('nm', ['-D', '--undefined-only', path], { encoding: 'utf8', stdio: 'pipe' });
    return [...text.matchAll(/\bU (\w+)/g)].map((match) => match[1]!);
  } catch {
    return undefined;
  }
}

const path = loadNative().path;
const functions = path === undefined || process.platform !== 'linux' ? undefined : undefinedFunctions(path);

describe.skipIf(skipReason !== undefined)(named('native binding'), () => {
  const addon = loadNative().addon as NativeAddon;

  it('says where the addon came from, and looks once only', () => {
    expect(path).toMatch(/\.node$/);
    expect(loadNative()).toBe(loadNative());
  });

  it('was built from the sources beside it', () => {
    expect(addon.sourceHash).toBe(sourceHash());
  });

  it.skipIf(functions === undefined)(
    `looks for exactly the functions of OpenSSL that it calls${functions === undefined ? ' (skipped: no nm)' : ''}`,
    () => {
      expect(addon.opensslSymbols).toEqual(functions!.filter((name) => OPENSSL.test(name)).sort());
    },
  );

  it.skipIf(functions === undefined)('never calls EVP_Cipher', () => {
    expect(functions).not.toContain('EVP_Cipher');
  });

  it('tells of machine and process', () => {
    const probe = addon.probe();
    expect(probe.openssl).toContain(process.versions.openssl.split('+')[0]);
    expect(typeof probe.aes).toBe('boolean');
    expect(typeof probe.vaes).toBe('boolean');
    expect(typeof probe.gso).toBe('boolean');
    expect(typeof probe.gro).toBe('boolean');
    expect(probe.receiveBufferOctets).toBeGreaterThan(0);
    expect(probe.sendBufferOctets).toBeGreaterThan(0);
  });
});

describe('native binding without a usable addon', () => {
  const require = createRequire(import.meta.url);
  const loader = require.resolve('node-gyp-build');

  const moduleOf = (id: string, exports: object): NodeJS.Module => ({ id, exports, loaded: true }) as NodeJS.Module;

  /** The binding, freshly loaded, with `stub` in place of node-gyp-build. */
  async function loadWith(stub: object): Promise<ReturnType<typeof loadNative>> {
    vi.resetModules();
    require.cache[loader] = moduleOf(loader, stub);
    return (await import('../../lib/native/binding.js')).loadNative();
  }

  afterEach(() => {
    Reflect.deleteProperty(require.cache, loader);
    vi.resetModules();
  });

  it('gives the reason if there is none for the platform', async () => {
    const load = await loadWith({
      resolve: () => {
        throw new Error('No native build was found');
      },
    });
    expect(load.addon).toBeUndefined();
    expect(load.why).toContain(process.platform);
  });

  it('gives the reason if it cannot be loaded', async () => {
    const load = await loadWith({ resolve: () => import.meta.dirname + '/no-such.node' });
    expect(load.addon).toBeUndefined();
    expect(load.why).toContain('cannot be loaded');
  });

  it('gives the reason if it is of another kind', async () => {
    const load = await loadWith({ resolve: () => require.resolve('typescript/package.json') });
    expect(load.why).toContain('other sources');
  });

  it('gives the reason if this Node lacks functions that it needs', async () => {
    const stub = require.resolve('semver/package.json');
    require.cache[stub] = moduleOf(stub, { missingSymbols: ['EVP_one', 'EVP_two'] });
    const load = await loadWith({ resolve: () => stub });
    Reflect.deleteProperty(require.cache, stub);
    expect(load.why).toContain('EVP_one, EVP_two');
  });
});

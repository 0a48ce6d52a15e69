// What connections cost: a handshake of both sides without a network, and its parts.
import { STCWrapper, STTHandshake } from '../../dist/index.js';
import { loadNative } from '../../dist/native/binding.js';
import { byProvider } from './providers.mjs';

const sharedSeed = new Uint8Array(32).fill(7);
const nodeIdentity = (own) => new Uint8Array(32).fill(own);

/** Seeds, identities and tables made anew each time, which a node has: that one makes more of them a second. */
function handshake(backend) {
  const stc = new STCWrapper(sharedSeed, { backend });
  return () => {
    const initiator = new STTHandshake({ stc, sharedSeed, nodeIdentity: nodeIdentity(1) });
    const responder = new STTHandshake({ stc, sharedSeed, nodeIdentity: nodeIdentity(2) });
    const { reply } = responder.handleHello(initiator.initiateHandshake());
    initiator.handleResponse(reply);
  };
}

function agreement(provider) {
  const own = provider.keyPair(provider.randomBytes(32));
  const other = provider.keyPair(provider.randomBytes(32)).publicKey;
  return () => own.agree(other);
}

const backends = loadNative().addon === undefined ? ['js'] : ['native', 'js'];

export const title = 'one call';
export const cases = [
  { name: 'handshake, both sides', variants: Object.fromEntries(backends.map((it) => [it, handshake(it)])) },
  { name: 'X25519: a pair of keys', variants: byProvider((it) => () => it.keyPair(it.randomBytes(32))) },
  { name: 'X25519: an agreement', variants: byProvider(agreement) },
  {
    name: 'HMAC-SHA256 of 64 octets',
    variants: byProvider((it) => () => it.hmacSha256(sharedSeed, new Uint8Array(64))),
  },
];

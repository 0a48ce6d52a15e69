// The connection to the node: made, watched, and made again when it is lost.
import { deserializeStt, serializeStt, STTNode } from 'seigr-toolset-transmissions';

/** A node that stays silent so long has another seed, or is not there. */
const CONNECT_MS = 5_000;
/** A connection over which nothing comes for so long is lost. */
const IDLE_MS = 10_000;
/** Waiting times before the attempts to connect again, ms; the last one holds for all that follow. */
const AGAIN_MS = [500, 1_000, 2_000, 4_000];

/** What a person should know of an error. */
export function explain(error) {
  switch (error?.code) {
    case 'ERR_STT_WEBSOCKET':
      return 'Nothing that speaks STT answers there. Is the node running, and is the address right?';
    case 'ERR_STT_HANDSHAKE_TIMEOUT':
      return 'The node is there but does not answer this seed. Check that both sides have the same seed.';
    case 'ERR_STT_CONNECTION_LOST':
    case 'ERR_STT_IDLE_TIMEOUT':
      return 'The connection was lost: the node ended or the network broke.';
    case 'ERR_STT_SEED_TOO_SHORT':
      return 'That is no seed: it is too short.';
    case 'ERR_STT_ADDRESS':
      return 'That is no address of a node: it begins with ws: or wss:.';
    default:
      return error?.message ?? String(error);
  }
}

/**
 * Keeps one session with a node. `onState(state, message)` hears 'connecting', 'open', 'waiting', 'failed' and 'closed';
 * `onSession(session)` every new session; `onNotice(notice)` what the node says beside the transfers.
 */
export class Link {
  #observer;
  #node;
  #url;
  #attempt = 0;
  #timer;
  #isWanted = false;
  #wasOpen = false;
  session;

  constructor(observer) {
    this.#observer = observer;
  }

  async open(url, sharedSeed) {
    this.#isWanted = true;
    this.#wasOpen = false;
    this.#attempt = 0;
    this.#url = url;
    try {
      this.#node = new STTNode({
        // The page is somebody else each time: nothing of it is kept.
        nodeSeed: crypto.getRandomValues(new Uint8Array(32)),
        sharedSeed,
        idleTimeoutMs: IDLE_MS,
        keepAlive: true,
        closeTimeoutMs: 2_000,
      });
    } catch (error) {
      this.#isWanted = false;
      this.#observer.onState('failed', explain(error));
      return;
    }
    await this.#connect();
  }

  async close() {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    const node = this.#node;
    this.#node = undefined;
    this.session = undefined;
    this.#observer.onState('closed', 'Not connected.');
    await node?.stop();
  }

  /** Says something to the node. */
  async tell(notice) {
    await this.session?.sendMessage(serializeStt(notice));
  }

  async #connect() {
    const node = this.#node;
    this.#observer.onState('connecting', `Connecting to ${this.#url} …`);
    try {
      const session = await node.connectWebSocket(this.#url, { timeoutMs: CONNECT_MS });
      if (node !== this.#node) return;
      this.session = session;
      this.#wasOpen = true;
      this.#attempt = 0;
      session.on('message', ({ data }) => this.#heard(data));
      session.on('error', () => {});
      session.once('close', (error) => this.#lost(node, error));
      this.#observer.onState('open', `Connected to ${session.url}`);
      this.#observer.onSession(session);
    } catch (error) {
      this.#lost(node, error);
    }
  }

  #lost(node, error) {
    // Another node, or none, is wanted by now.
    if (node !== this.#node || !this.#isWanted) return;
    this.session = undefined;
    const why = explain(error);
    if (!this.#wasOpen) {
      // What never worked is for the person to put right.
      this.#isWanted = false;
      this.#observer.onState('failed', why);
      return;
    }
    const delay = AGAIN_MS[Math.min(this.#attempt++, AGAIN_MS.length - 1)];
    this.#observer.onState('waiting', `${why} Trying again …`);
    this.#timer = setTimeout(() => void this.#connect(), delay);
  }

  #heard(data) {
    let notice;
    try {
      notice = deserializeStt(data);
    } catch {
      return;
    }
    if (typeof notice === 'object' && notice !== null) this.#observer.onNotice(notice);
  }
}

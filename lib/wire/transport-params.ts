import { MAX_DATAGRAM, MAX_VARINT, MIN_DATAGRAM } from '../constants.js';
import { optionError } from '../options.js';
import type { SttDict, SttValue } from './serialization.js';

/** What a side tells the other about itself in the handshake (STT §4, params). */
export interface TransportParams {
  /** Octets that the peer may send on all streams together before it is given more credit. */
  readonly initialMaxData: number;
  /** The same for each stream. */
  readonly initialMaxStreamData: number;
  /** Streams that the peer may open. */
  readonly maxStreams: number;
  /** Milliseconds without a packet after which the session is over; 0 = none. */
  readonly idleTimeoutMs: number;
  /** Largest UDP payload accepted. */
  readonly maxUdpPayload: number;
  /** Largest unreliable message accepted, in octets; 0 refuses them. */
  readonly maxDatagram: number;
  /** Longest time for which an acknowledgement is held back. */
  readonly maxAckDelayMs: number;
  /** At most 32 names of at most 32 octets. */
  readonly capabilities: readonly string[];
}

/** What an absent parameter means. */
export const DEFAULT_TRANSPORT_PARAMS: TransportParams = {
  initialMaxData: 1_048_576,
  initialMaxStreamData: 262_144,
  maxStreams: 100,
  idleTimeoutMs: 30_000,
  maxUdpPayload: MAX_DATAGRAM,
  maxDatagram: 65_000,
  maxAckDelayMs: 25,
  capabilities: [],
};

type IntegerName = Exclude<keyof TransportParams, 'capabilities'>;
interface IntegerParam {
  readonly min: number;
  readonly max: number;
  /** Allowed below `min`. */
  readonly orZero?: true;
}

const INTEGERS: Readonly<Record<IntegerName, IntegerParam>> = {
  initialMaxData: { min: 0, max: MAX_VARINT },
  initialMaxStreamData: { min: 0, max: MAX_VARINT },
  maxStreams: { min: 0, max: 2 ** 31 - 1 },
  idleTimeoutMs: { min: 1000, max: 86_400_000, orZero: true },
  maxUdpPayload: { min: MIN_DATAGRAM, max: MAX_DATAGRAM },
  maxDatagram: { min: 0, max: MAX_DATAGRAM },
  maxAckDelayMs: { min: 0, max: 1000 },
};
/** Names with those on the wire: `max_streams` for `maxStreams`. */
const INTEGER_NAMES = (Object.keys(INTEGERS) as IntegerName[]).map(
  (name) => [name, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] as const,
);
const CAPABILITIES = 'capabilities';
const MAX_CAPABILITIES = 32;
const MAX_CAPABILITY_OCTETS = 32;
const ENCODER = new TextEncoder();

/**
 * The dictionary on the wire: what differs from the defaults.
 *
 * @throws STTConfigError `ERR_STT_OPTION_RANGE`
 */
export function encodeTransportParams(params: TransportParams): SttDict {
  const dict: Record<string, SttValue> = {};
  for (const [name, key] of INTEGER_NAMES) {
    const value = params[name];
    const { min, max } = INTEGERS[name];
    if (!inRange(value, INTEGERS[name])) {
      throw optionError(name, value, `an integer from ${min} to ${max}`);
    }
    if (value !== DEFAULT_TRANSPORT_PARAMS[name]) dict[key] = value;
  }
  const { capabilities } = params;
  if (!areCapabilities(capabilities)) {
    throw optionError(CAPABILITIES, 'something else', 'a short list of short strings');
  }
  if (capabilities.length > 0) dict[CAPABILITIES] = capabilities;
  return dict;
}

/**
 * The parameters in a value that was read with tagged floats, absent ones at their defaults, unknown ones ignored.
 * Undefined if it is no dictionary, or a parameter has a wrong type or is out of range.
 */
export function parseTransportParams(value: SttValue | undefined): TransportParams | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return undefined;
  const dict = value as SttDict;
  const params: { -readonly [Name in keyof TransportParams]: TransportParams[Name] } = { ...DEFAULT_TRANSPORT_PARAMS };
  for (const [name, key] of INTEGER_NAMES) {
    if (!Object.hasOwn(dict, key)) continue;
    const given = dict[key];
    if (!inRange(given, INTEGERS[name])) return undefined;
    params[name] = given;
  }
  if (Object.hasOwn(dict, CAPABILITIES)) {
    const given = dict[CAPABILITIES];
    if (!areCapabilities(given)) return undefined;
    params.capabilities = given;
  }
  return params;
}

function inRange(value: SttValue | undefined, { min, max, orZero }: IntegerParam): value is number {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  return (value >= min && value <= max) || (orZero === true && value === 0);
}

function areCapabilities(value: SttValue | undefined): value is readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_CAPABILITIES) return false;
  return (value as readonly SttValue[]).every(
    (name) => typeof name === 'string' && ENCODER.encode(name).length <= MAX_CAPABILITY_OCTETS,
  );
}

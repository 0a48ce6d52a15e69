import diagnosticsChannel from 'node:diagnostics_channel';
import { debuglog } from 'node:util';

/*
 * What an operator may listen to: `node:diagnostics_channel` names `stt:<object>:<event>`, and the same as text with
 * NODE_DEBUG=stt. No key, seed or payload is ever published.
 */
const debug = debuglog('stt');

const channel = (name: string): diagnosticsChannel.Channel => diagnosticsChannel.channel(name);

const CHANNELS = {
  'stt:node:start': channel('stt:node:start'),
  'stt:node:stop': channel('stt:node:stop'),
  'stt:node:chamber': channel('stt:node:chamber'),
  'stt:session:refuse': channel('stt:session:refuse'),
  'stt:session:open': channel('stt:session:open'),
  'stt:session:close': channel('stt:session:close'),
} as const;

/** Publishes an event; costs nothing while nobody listens. */
export function publish(name: keyof typeof CHANNELS, message: Readonly<Record<string, unknown>>): void {
  const target = CHANNELS[name];
  if (target.hasSubscribers) target.publish(message);
  if (debug.enabled) debug('%s %o', name, message);
}

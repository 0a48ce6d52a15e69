import type { MessageFate, MessageOptions } from './session-control.js';

/** What became of a message to one of several sessions. */
export interface SendResult<T> {
  readonly session: T;
  /** The message's fate, or why it could not be sent. */
  readonly result: MessageFate | Error;
}

interface Messenger {
  sendMessage(data: Uint8Array, options: MessageOptions): Promise<MessageFate>;
}

/** Sends one unreliable message to each of some sessions; one result for each. */
export function sendToEach<T extends Messenger>(
  sessions: Iterable<T>,
  data: Uint8Array,
  options: MessageOptions,
): Promise<SendResult<T>[]> {
  return Promise.all(
    Array.from(sessions, (session) =>
      session.sendMessage(data, options).then(
        (result) => ({ session, result }),
        (error: Error) => ({ session, result: error }),
      ),
    ),
  );
}

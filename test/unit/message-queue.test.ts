import { describe, expect, it } from 'vitest';
import { MessageQueue } from '../../lib/api/message-queue.js';

const message = (n: number): { data: Uint8Array } => ({ data: Uint8Array.of(n) });

describe('MessageQueue', () => {
  it('gives items in order, waiting ones and late ones', async () => {
    const queue = new MessageQueue<{ data: Uint8Array }>(10);
    const iterator = queue.iterate();
    const early = iterator.next();
    queue.push(message(1));
    queue.push(message(2));
    expect((await early).value?.data[0]).toBe(1);
    expect((await iterator.next()).value?.data[0]).toBe(2);
  });

  it('drops the oldest when it is full, and counts', async () => {
    const queue = new MessageQueue<{ data: Uint8Array }>(100);
    for (let i = 0; i < 250; i++) queue.push(message(i));
    expect(queue.dropped).toBe(150);
    expect(queue.length).toBe(100);
    expect((await queue.iterate().next()).value?.data[0]).toBe(150);
  });

  it('ends iterators on close, after what is queued', async () => {
    const queue = new MessageQueue<{ data: Uint8Array }>(10);
    queue.push(message(1));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of queue.iterate()) seen.push(item.data[0]!);
    })();
    queue.close();
    await reading;
    expect(seen).toEqual([1]);
  });

  it('lets an iterator go without losing an item to it', async () => {
    const queue = new MessageQueue<{ data: Uint8Array }>(10);
    const left = queue.iterate();
    const pending = left.next();
    await left.return!();
    expect((await pending).done).toBe(true);
    queue.push(message(5));
    expect((await queue.iterate().next()).value?.data[0]).toBe(5);
  });
});

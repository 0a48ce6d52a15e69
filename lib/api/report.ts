/**
 * Rethrows what an application's handler threw, outside of the batch being processed: the error reaches
 * 'uncaughtException' as it would from any event handler, and the other sessions of the batch are served all the same.
 */
export function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

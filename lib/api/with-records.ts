import type { CryptoProvider } from '../ports/crypto.js';
import type { NodeConfig } from './node-options.js';
import type { NodeRecords } from './node-records.js';

/** What the records of a node are opened with. */
export interface RecordsConfig extends Pick<NodeConfig, 'chamber' | 'nodeSeed' | 'sharedSeeds'> {
  readonly crypto: CryptoProvider;
  readonly nodeId: Uint8Array;
}

/**
 * Starts a node with its records, where it is to have a chamber, and with the shared seeds that it was given or that
 * the chamber has kept. The records are closed again if the start fails.
 */
export async function withRecords<T>(
  config: RecordsConfig,
  start: (records: NodeRecords | undefined, sharedSeeds: readonly Uint8Array[]) => Promise<T>,
): Promise<T> {
  const { chamber, crypto, nodeSeed, nodeId, sharedSeeds } = config;
  if (chamber === undefined) return start(undefined, sharedSeeds);
  // Loaded where it is used: all code of the process is looked through by every collection of garbage.
  const { NodeRecords: records } = await import('./node-records.js');
  const opened = await records.open({ chamber, crypto, nodeSeed, nodeId, sharedSeeds });
  try {
    return await start(opened, opened.sharedSeeds);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

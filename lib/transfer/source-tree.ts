import type { Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { MAX_DEPTH } from './messages.js';

const NOT_UNICODE = 'its name is not valid Unicode';

/** Something to be sent: a path of the file system, or octets from elsewhere (stdin). */
export interface Source {
  /** Local path; undefined for octets from `input`. */
  readonly path?: string;
  readonly input?: NodeJS.ReadableStream;
  /** Name at the receiver. */
  readonly name: string;
}

/** What a walk over sources comes by, parents before and after what they contain. */
export type SourceItem =
  | { readonly kind: 'file'; readonly path: string; readonly local: string; readonly stats: Stats }
  | { readonly kind: 'stream'; readonly path: string; readonly source: Source }
  | { readonly kind: 'directory' | 'directory-end'; readonly path: string; readonly stats: Stats }
  /** Neither file nor directory, or unreadable; `error` if it is a failure. */
  | { readonly kind: 'omitted'; readonly path: string; readonly why: string; readonly error?: Error };

/** The source of a path, named like its last component. Throws an OS error if nothing is there. */
export async function sourceOf(path: string, name?: string): Promise<Source> {
  await stat(path);
  return { path, name: name ?? basename(resolve(path)) };
}

/**
 * Walks over sources, depth first, holding one open directory per level. Symbolic links are followed where the user
 * named them and nowhere below, so that a tree cannot lead out of itself or in circles.
 */
export async function* walkSources(sources: readonly Source[]): AsyncGenerator<SourceItem, void, undefined> {
  for (const source of sources) {
    if (source.path === undefined) {
      yield { kind: 'stream', path: source.name, source };
      continue;
    }
    const stats = await stat(source.path);
    if (stats.isFile()) yield { kind: 'file', path: source.name, local: source.path, stats };
    else if (stats.isDirectory()) yield* walkDirectory(source.path, source.name, stats, 1);
    // Pipes and devices that the user named, such as a process substitution.
    else yield { kind: 'stream', path: source.name, source };
  }
}

async function* walkDirectory(
  local: string,
  path: string,
  stats: Stats,
  depth: number,
): AsyncGenerator<SourceItem, void, undefined> {
  if (depth >= MAX_DEPTH) {
    yield { kind: 'omitted', path, why: `more than ${MAX_DEPTH} directories deep`, error: new Error('too deep') };
    return;
  }
  let directory;
  try {
    directory = await opendir(local);
  } catch (error) {
    yield { kind: 'omitted', path, why: 'cannot be read', error: error as Error };
    return;
  }
  yield { kind: 'directory', path, stats };
  for await (const { name } of directory) {
    const childLocal = join(local, name);
    const childPath = `${path}/${name}`;
    let child: Stats;
    if (/\p{Surrogate}/u.test(name)) {
      yield { kind: 'omitted', path: childPath, why: NOT_UNICODE, error: new Error(NOT_UNICODE) };
      continue;
    }
    try {
      child = await lstat(childLocal);
    } catch (error) {
      yield { kind: 'omitted', path: childPath, why: 'cannot be read', error: error as Error };
      continue;
    }
    if (child.isFile()) yield { kind: 'file', path: childPath, local: childLocal, stats: child };
    else if (child.isDirectory()) yield* walkDirectory(childLocal, childPath, child, depth + 1);
    else yield { kind: 'omitted', path: childPath, why: `${typeName(child)}s inside a directory are not sent` };
  }
  yield { kind: 'directory-end', path, stats };
}

/** Files and octets of sources, undefined octets if one has no known length. */
export async function measureSources(
  sources: readonly Source[],
): Promise<{ files: number; octets: number | undefined }> {
  let files = 0;
  let octets: number | undefined = 0;
  for await (const item of walkSources(sources)) {
    if (item.kind !== 'file' && item.kind !== 'stream') continue;
    files++;
    if (octets !== undefined) octets = item.kind === 'file' ? octets + item.stats.size : undefined;
  }
  return { files, octets };
}

function typeName(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  return 'device';
}

import { STTError } from '../node-errors.js';
import type { RefusalCode } from '../transfer/messages.js';
import { printable } from '../transfer/safe-path.js';
import { ExitCode } from './exit-codes.js';

/** An end of the command that its user can do something about: cause and remedy in one line. */
export class CliFailure extends Error {
  readonly exitCode: ExitCode;
  /** For `--json`. */
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** The user or the system ended the command. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;
  /** Tells the other side that nothing failed (docs/file-transfer.md). */
  readonly streamCode = 1;

  constructor(signal: NodeJS.Signals) {
    super(signal === 'SIGINT' ? 'interrupted' : 'terminated');
    this.signal = signal;
  }
}

export interface Explanation {
  readonly exitCode: ExitCode;
  readonly code: string;
  /** One line. */
  readonly text: string;
}

/** What an error means to the user of the command. */
export function explain(error: unknown): Explanation {
  if (error instanceof CliFailure) return line(error.exitCode, error.code, error.message);
  if (error instanceof Interrupted) {
    const exitCode = error.signal === 'SIGINT' ? ExitCode.INTERRUPTED : ExitCode.TERMINATED;
    return line(exitCode, 'ERR_STT_INTERRUPTED', error.message);
  }
  if (error instanceof STTError) return explainStt(error);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return explainSystem(error as SystemError);
  }
  const message = error instanceof Error ? error.message : String(error);
  return line(ExitCode.INTERNAL, 'ERR_STT_INTERNAL', `Unexpected error: ${message}. Please report it.`);
}

type SystemError = NodeJS.ErrnoException & {
  code: string;
  address?: string;
  port?: number;
  hostname?: string;
  dest?: string;
};

const REFUSAL_REMEDIES: Readonly<Record<RefusalCode, string>> = {
  version: 'Update the older side.',
  busy: 'Try again when the other transfer is over.',
  name: 'Rename it and send it again.',
  exists: 'Move it away there, rename it here, or run `stt recv` with --force.',
  'no-space': 'Free space there, then send again: what arrived is kept.',
  unsupported: 'Let `stt recv --out DIR` receive into a directory.',
  integrity: 'Send it again.',
  io: 'See what `stt recv` says there.',
  cancelled: 'Send again to resume.',
};

function explainStt(error: STTError): Explanation {
  const { code, message } = error;
  switch (code) {
    case 'ERR_STT_UNKNOWN_OPTION':
    case 'ERR_STT_OPTION_RANGE':
      return line(ExitCode.USAGE, code, message);
    case 'ERR_STT_CHAMBER_ID':
    case 'ERR_STT_CHAMBER_VALUE':
      return line(ExitCode.USAGE, code, message);
    case 'ERR_STT_SEED_TOO_SHORT':
    case 'ERR_STT_BACKEND_UNAVAILABLE':
    case 'ERR_STT_CHAMBER_FOREIGN':
    case 'ERR_STT_CHAMBER_RESEALED':
    case 'ERR_STT_CHAMBER_VERSION':
      return line(ExitCode.SETUP, code, message);
    case 'ERR_STT_HANDSHAKE_TIMEOUT':
      return line(
        ExitCode.NO_CONNECTION,
        code,
        `${message} Check that \`stt recv\` runs there with the same shared seed, and the address and port.`,
      );
    case 'ERR_STT_UNREACHABLE':
      return explainUnreachable(error);
    case 'ERR_STT_HANDSHAKE_SELF':
    case 'ERR_STT_PEER_MISMATCH':
    case 'ERR_STT_VERSION':
    case 'ERR_STT_HANDSHAKE_FAILED':
    case 'ERR_STT_ADDRESS':
    case 'ERR_STT_WEBSOCKET':
      return line(ExitCode.NO_CONNECTION, code, message);
    case 'ERR_STT_TRANSFER_REFUSED': {
      const { refusal } = error as STTError & { refusal?: RefusalCode };
      return line(ExitCode.REFUSED, code, refusal === undefined ? message : `${message} ${REFUSAL_REMEDIES[refusal]}`);
    }
    case 'ERR_STT_AUTHENTICATION':
    case 'ERR_STT_CHUNK_REFUSED':
    case 'ERR_STT_CHUNKS_INCOMPLETE':
    case 'ERR_STT_CHAMBER_DAMAGED':
    case 'ERR_STT_CHAMBER_EXPORT':
    case 'ERR_STT_TRANSFER_INTEGRITY':
      return line(ExitCode.INTEGRITY, code, message);
    case 'ERR_STT_CHAMBER_FORMAT':
    case 'ERR_STT_CHAMBER_FULL':
    case 'ERR_STT_CHAMBER_STORE':
      return line(ExitCode.LOCAL_FILE, code, message);
    case 'ERR_STT_STREAM_RESET':
    case 'ERR_STT_STREAM_STOPPED':
      return line(ExitCode.BROKEN_OFF, code, `The other side broke the transfer off. ${RESUME}`);
    case 'ERR_STT_CLOSED':
    case 'ERR_STT_CONNECTION_LOST':
    case 'ERR_STT_APPLICATION':
    case 'ERR_STT_SESSION':
    case 'ERR_STT_IDLE_TIMEOUT':
    case 'ERR_STT_CLOSE_TIMEOUT':
    case 'ERR_STT_STREAM_ABORTED':
    case 'ERR_STT_TRANSFER_FAILED':
      return line(ExitCode.BROKEN_OFF, code, `${message} ${RESUME}`);
    case 'ERR_STT_PROTOCOL':
    case 'ERR_STT_REFUSED':
    case 'ERR_STT_TRANSFER_PROTOCOL':
    case 'ERR_STT_CRYPTO':
    case 'ERR_STT_FLOW_CONTROL':
    case 'ERR_STT_FRAME_ENCODING':
      return line(ExitCode.BROKEN_OFF, code, message);
    default:
      return line(ExitCode.INTERNAL, code, message);
  }
}

/** UDP is what the user asked for, so its failure is told; that of WebSocket in brief. */
function explainUnreachable({ code, message, cause }: STTError): Explanation {
  if (!(cause instanceof AggregateError)) return line(ExitCode.NO_CONNECTION, code, message);
  const [udp, webSocket] = cause.errors as [Error, Error];
  const { text, exitCode, code: udpCode } = explain(udp);
  // A host that is not known is not known to either.
  if (!udpCode.startsWith('ERR_STT')) return line(exitCode, udpCode, text);
  return line(exitCode, code, `${text} Nor over WebSocket: ${webSocket.message}`);
}

const RESUME = 'Send again to resume where it stopped.';

const FILE_CAUSES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory; check the path',
  ENOTDIR: 'a part of the path is a file, not a directory; check the path',
  EISDIR: 'it is a directory; name a file',
  EACCES: 'permission is denied; change its permissions or choose another place',
  EPERM: 'the system does not allow it; change its permissions or choose another place',
  EROFS: 'the file system is read-only; choose another place',
  ENOSPC: 'the disk is full; free space and try again',
  EDQUOT: 'the disk quota is used up; free space and try again',
  EMFILE: 'too many files are open; raise the limit with `ulimit -n`',
  EEXIST: 'it exists; choose another name or use --force',
  ELOOP: 'it is a loop of symbolic links; check the path',
};

function explainSystem(error: SystemError): Explanation {
  const { code, syscall } = error;
  if (syscall === 'bind' || code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL') return explainBind(error);
  if (syscall === 'getaddrinfo' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return line(
      ExitCode.NO_CONNECTION,
      code,
      `The host "${error.hostname ?? 'given'}" cannot be found. Check its name and this machine's DNS, or use its address.`,
    );
  }
  const cause = FILE_CAUSES[code];
  if (cause !== undefined) {
    const path = error.dest ?? error.path;
    return line(ExitCode.LOCAL_FILE, code, `${path === undefined ? 'A file' : path}: ${cause}.`);
  }
  return line(ExitCode.INTERNAL, code, `Unexpected error: ${error.message}. Please report it.`);
}

function explainBind({ code, address, port }: SystemError): Explanation {
  const where =
    port === undefined ? 'the given address' : `port ${port}${address === undefined ? '' : ` of ${address}`}`;
  const cause =
    code === 'EADDRINUSE'
      ? 'another program uses it. Stop that one, or choose another port with --listen'
      : code === 'EADDRNOTAVAIL'
        ? 'it is no address of this machine. Give one that is with --listen, or only a port'
        : code === 'EACCES'
          ? 'the system does not allow it. Choose a port from 1024 on with --listen'
          : `the system refuses it (${code}). Choose another with --listen`;
  return line(ExitCode.CANNOT_LISTEN, code, `Cannot listen on ${where}: ${cause}.`);
}

function line(exitCode: ExitCode, code: string, text: string): Explanation {
  return { exitCode, code, text: printable(text) };
}

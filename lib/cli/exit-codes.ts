/** What `stt` exits with. Scripts may rely on it; docs/file-transfer.md has the same table, and a test compares them. */
export const ExitCode = {
  OK: 0,
  INTERNAL: 1,
  USAGE: 2,
  SETUP: 3,
  LOCAL_FILE: 4,
  NO_CONNECTION: 5,
  BROKEN_OFF: 6,
  REFUSED: 7,
  INTEGRITY: 8,
  CANNOT_LISTEN: 9,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** For `stt --help`. */
export const EXIT_CODE_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.OK, 'everything was done'],
  [ExitCode.INTERNAL, 'an unexpected error'],
  [ExitCode.USAGE, 'wrong command, option or argument'],
  [ExitCode.SETUP, 'no usable seed, passphrase or configuration, or the demanded backend is missing'],
  [ExitCode.LOCAL_FILE, 'a file or directory of this machine cannot be read or written (missing, denied, disk full)'],
  [ExitCode.NO_CONNECTION, 'no connection: unreachable, another seed, another peer, or an unknown host'],
  [ExitCode.BROKEN_OFF, 'the connection or the transfer broke off; sending again resumes it'],
  [ExitCode.REFUSED, 'the receiver refused all or part of it (it exists, no space, name)'],
  [
    ExitCode.INTEGRITY,
    'the hash of a file differs, or a sealed file or a record is damaged, cut short or of another seed',
  ],
  [ExitCode.CANNOT_LISTEN, 'cannot listen: the port is in use, or the address is not of this machine'],
  [ExitCode.INTERRUPTED, 'interrupted (Ctrl-C)'],
  [ExitCode.TERMINATED, 'terminated'],
];

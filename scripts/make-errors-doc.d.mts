/** The text of docs/errors.md for a table of errors. */
export function makeErrorsDoc(
  errors: Readonly<
    Record<string, { readonly type: { readonly name: string }; readonly message: string; readonly closeCode?: number }>
  >,
): string;

/** Codes that only the command reports, and their meaning. */
export const COMMAND_CODES: Readonly<Record<string, string>>;

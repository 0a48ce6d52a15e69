/** True for the error of a record that does not open: what is known of it can be written anew. */
export function isDamage(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_STT_CHAMBER_DAMAGED';
}

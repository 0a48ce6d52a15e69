/** What `ws` says of an upgrade that was answered in another way. */
const UNEXPECTED = /^Unexpected server response: (\d{3})$/;
/** Codes of OpenSSL about certificates, as Node passes them on. */
const CERTIFICATE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;

/** Why a WebSocket could not be opened, in words that tell where to look. */
export function describeFault(error: NodeJS.ErrnoException): string {
  const { code = '', message } = error;
  const status = UNEXPECTED.exec(message)?.[1];
  if (status !== undefined) {
    return `the HTTP status ${status} came in place of a WebSocket: the server, or a proxy on the way, speaks none at this path`;
  }
  if (/^Server sent (?:no|an invalid) subprotocol/.test(message)) return 'the server speaks WebSocket, but not STT';
  if (CERTIFICATE.test(code)) return `its certificate does not fit: ${message}`;
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  if (code === 'EPROTO') return 'the server does not speak TLS there: is it ws: in place of wss:?';
  return message;
}

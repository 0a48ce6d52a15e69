// First octet of a handshake payload (STT §4).

export const HELLO = 0x01;
export const HELLO_RESP = 0x02;
export const COOKIE_REPLY = 0x03;
export const VERSIONS = 0x04;

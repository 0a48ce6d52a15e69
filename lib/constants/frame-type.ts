// STTFrame types (STT §3); 0x80-0xFF are the application's.

export const DATA = 0x01;
export const CONTROL = 0x02;
export const STREAM = 0x03;
export const AUTH = 0x04;
export const HANDSHAKE = 0x05;
export const ACK = 0x06;
export const USER_FIRST = 0x80;
export const USER_LAST = 0xff;

// Types of a frame inside a packet (STT §6); 0x80-0xFF are the application's.

export const PADDING = 0x00;
export const DATA = 0x01;
export const CONTROL = 0x02;
export const STREAM = 0x03;
export const ACK = 0x06;
export const USER_FIRST = 0x80;

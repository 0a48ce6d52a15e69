// Types of a CONTROL frame inside a packet (STT §6).

export const PING = 0x01;
export const PONG = 0x02;
export const FLOW_CREDIT = 0x03;
export const SESSION_CLOSE = 0x05;
export const STREAM_LIMIT = 0x07;
export const STREAM_RESET = 0x08;
export const STOP_SENDING = 0x09;
export const PATH_CHALLENGE = 0x0a;
export const PATH_RESPONSE = 0x0b;
export const RESET_TOKEN = 0x0c;
export const ACK_FREQUENCY = 0x0d;
export const IMMEDIATE_ACK = 0x0e;
export const ALT_ADDRESS = 0x0f;

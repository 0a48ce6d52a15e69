// Close codes of a session (STT §11); applications use codes from 256 on.

export const NONE = 0;
export const PROTOCOL = 1;
export const CRYPTO = 2;
export const SESSION = 3;
export const STREAM = 4;
export const FLOW_CONTROL = 5;
export const STREAM_LIMIT = 6;
export const FINAL_SIZE = 7;
export const FRAME_ENCODING = 8;
export const KEY_ROTATION = 9;
export const IDLE_TIMEOUT = 10;
export const REFUSED = 11;
export const INTERNAL = 255;
export const APPLICATION = 256;

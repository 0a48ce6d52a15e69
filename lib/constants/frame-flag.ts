// STTFrame flags (STT §3).

export const FRAGMENT = 0x01;
export const STREAM_INIT = 0x02;
export const STREAM_END = 0x04;
export const STREAM_SEGMENT = 0x08;
export const PRIORITY_HIGH = 0x10;
export const PRIORITY_LOW = 0x20;

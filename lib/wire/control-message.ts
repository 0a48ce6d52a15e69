// Types of messages on control stream 0.

export const KEY_REQUEST = 0x01;
export const KEY_RESPONSE = 0x02;

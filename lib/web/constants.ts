// The numbers of the protocol that pages meet: those of packets and of handshakes stay below what they use.
export { CloseCode, FrameFlag, FrameType } from '../constants.js';

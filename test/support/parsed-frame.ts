import { STTFrame } from '../../lib/wire/stt-frame.js';

/** What the codec in TypeScript makes of octets, in the terms of the native one. */
export function parsedFrame(bytes: Uint8Array): string | (STTFrameFields & { readonly bytesRead: number }) {
  try {
    const parsed = STTFrame.parse(bytes);
    if (parsed === undefined) return 'truncated';
    const { frameType, flags, sessionId, sequence, timestamp, streamId, cryptoMetadata, payload } = parsed.frame;
    const { bytesRead } = parsed;
    return { frameType, flags, sessionId, sequence, timestamp, streamId, cryptoMetadata, payload, bytesRead };
  } catch (error) {
    return (error as { code: string }).code === 'ERR_STT_FRAME_TOO_LARGE' ? 'too-large' : 'malformed';
  }
}

type STTFrameFields = Pick<
  STTFrame,
  'frameType' | 'flags' | 'sessionId' | 'sequence' | 'timestamp' | 'streamId' | 'cryptoMetadata' | 'payload'
>;

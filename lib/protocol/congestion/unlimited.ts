import type { CongestionAlgorithm, CongestionController } from './controller.js';

/** For carriers that have congestion control of their own: TCP below a WebSocket, whose back-pressure holds (STT §10). */
class Unlimited implements CongestionController {
  readonly window = Number.MAX_SAFE_INTEGER;
  readonly pacingRate = 0;
  readonly threshold = Infinity;
  readonly inSlowStart = false;

  onRttSample(): void {}
  onPacketsAcked(): void {}
  onCongestionEvent(): void {}
  onSpuriousCongestion(): void {}
  onPersistentCongestion(): void {}
  onPacketSize(): void {}
}

export const unlimited: CongestionAlgorithm = () => new Unlimited();

export { ALGORITHMS } from '../../../../lib/protocol/congestion/algorithms.js';
export { cubicModel } from './cubic-model.js';
export { PACKET, runScenario } from './scenario.js';

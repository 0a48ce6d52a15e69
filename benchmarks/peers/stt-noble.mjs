// STT's JS backend with what browsers have in place of node:crypto: @noble, and ChaCha20-Poly1305 as it is faster there.
import { register } from 'node:module';

const noble = new URL('../../dist/stc/noble-provider.js', import.meta.url).href;
const shim = `data:text/javascript,${encodeURIComponent(`export { nobleProvider as nodeProvider } from '${noble}';`)}`;
const hooks = `export async function resolve(specifier, context, next) {
  if (specifier.endsWith('/node-provider.js')) return { url: ${JSON.stringify(shim)}, shortCircuit: true };
  return next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

export const { listen, connect } = await import('./stt.mjs');

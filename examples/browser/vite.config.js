import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('./page', import.meta.url)),
  // Wherever the page is put.
  base: './',
  resolve: {
    alias: {
      // Inside of the package's own repository. In a project of yours it is in node_modules, and this line is not needed.
      'seigr-toolset-transmissions': fileURLToPath(new URL('../../dist/browser.js', import.meta.url)),
    },
  },
  build: { outDir: fileURLToPath(new URL('./dist', import.meta.url)), emptyOutDir: true, target: 'es2022' },
});

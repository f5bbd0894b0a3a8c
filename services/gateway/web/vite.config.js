import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

// The licences of what is bundled, fonts among it, go with it.
function licences() {
  const { packages } = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, info]) => path !== '' && !info.dev)
    .map(([path, info]) => {
      const file = readdirSync(join(here, path)).find((name) => /^licen[cs]e/i.test(name));
      const text = file ? readFileSync(join(here, path, file), 'utf8').trim() : `${info.license}`;
      return `${path.replace('node_modules/', '')} ${info.version}\n\n${text}\n`;
    })
    .join('\n----\n\n');
}

export default defineConfig({
  plugins: [
    {
      name: 'licences',
      generateBundle() {
        this.emitFile({ type: 'asset', fileName: 'licences.txt', source: licences() });
      },
    },
  ],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2020',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In base 36, so that the gateway knows the names that never change (services/gateway/assets.c).
    rollupOptions: { output: { hashCharacters: 'base36' } },
  },
});

import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  base: './',
  resolve: {
    alias: { $: here('./src') },
    // Vitest would otherwise take Svelte's build for servers, which mounts nothing.
    ...(process.env['VITEST'] ? { conditions: ['browser'] } : {}),
  },
  build: {
    outDir: here('../src/cutaway/server/static'),
    emptyOutDir: true,
    target: 'es2023',
    // One script and one style sheet: an exported file carries both inside itself.
    cssCodeSplit: false,
    assetsInlineLimit: 8192,
    chunkSizeWarningLimit: 1024, // the budget is a test's, and in gzipped bytes
    modulePreload: false,
    rolldownOptions: { output: { codeSplitting: false }, checks: { bundlerTimings: false } },
  },
  server: { proxy: { '/api': process.env['CUTAWAY_API'] ?? 'http://127.0.0.1:8000' } },
  test: { pool: 'threads', include: ['src/**/*.test.ts'], restoreMocks: true },
});

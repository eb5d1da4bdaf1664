/**
 * The notebook's widget: one module that holds everything, style sheets too, and the loader that a
 * notebook stores. What a sheet says of the window it says here of the widget's box.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { boxed } from './src/notebook/boxed.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte(), styleInside(), viewNames()],
  resolve: { alias: { $: here('./src') } },
  publicDir: false,
  build: {
    outDir: here('../src/cutaway/server/static/notebook'),
    emptyOutDir: true,
    target: 'es2023',
    cssCodeSplit: false,
    assetsInlineLimit: Infinity,
    chunkSizeWarningLimit: 1024,
    lib: {
      entry: { loader: here('./src/notebook/loader.ts'), widget: here('./src/notebook/widget.ts') },
      formats: ['es'],
    },
    // A library's module keeps its blanks unless this is said.
    rolldownOptions: { output: { minify: true }, checks: { bundlerTimings: false } },
  },
});

/** Puts all sheets into the module as a string. */
function styleInside(): Plugin {
  return {
    name: 'cutaway:style-inside',
    enforce: 'post',
    generateBundle(_, bundle) {
      let css = '';
      for (const [name, item] of Object.entries(bundle)) {
        if (item.type !== 'asset' || !name.endsWith('.css')) continue;
        css += item.source.toString();
        Reflect.deleteProperty(bundle, name);
      }
      const widget = bundle['widget.js'];
      if (widget?.type !== 'chunk' || !css) this.error('The widget came without its sheets.');
      const parts = widget.code.split('__CUTAWAY_STYLE__');
      if (parts.length !== 2) this.error('There is no one place for the sheets.');
      widget.code = parts.join(JSON.stringify(boxed(css)));
    },
  };
}

/** The names of all views, for whoever asks for one from Python. */
function viewNames(): Plugin {
  const folder = here('./src/views');
  const names = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/index.ts`));
  return {
    name: 'cutaway:view-names',
    generateBundle() {
      this.emitFile({
        type: 'asset',
        fileName: 'views.json',
        source: JSON.stringify(names.sort()),
      });
    },
  };
}

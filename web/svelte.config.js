/** Scopes by sheet: each has a short name, for the usual ones are a hundredth of the page. */
const scopes = new Map();

/** @type {import('@sveltejs/vite-plugin-svelte').SvelteConfig} */
export default {
  compilerOptions: {
    runes: true,
    cssHash: ({ hash, css }) => {
      const scope = `s${hash(css).slice(0, 4)}`;
      if ((scopes.get(scope) ?? css) !== css)
        throw new Error(`Two sheets share the scope ${scope}.`);
      scopes.set(scope, css);
      return scope;
    },
  },
};

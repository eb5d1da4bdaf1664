/** Light or dark: what the notebook around a cell is, however it says so. */
import { following, type Surroundings } from '../core/appearance.svelte';

/** Watches the notebook's own marks, the colour behind the element, and the system. */
export function surroundingsOf(element: HTMLElement): Surroundings {
  return (set) => {
    let system = false;
    const look = () => set(isDark(element) ?? system);
    const stop = following('(prefers-color-scheme: dark)', (dark) => {
      system = dark;
      look();
    });
    const observer = new MutationObserver(look);
    for (const marked of [document.documentElement, document.body]) {
      observer.observe(marked, { attributes: true });
    }
    // The colour is known only once the cell's output is in the page.
    const frame = requestAnimationFrame(look);
    return () => {
      stop();
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  };
}

/** Null where nothing tells. */
export function isDark(element: Element): boolean | null {
  const { body, documentElement: html } = document;
  const { jpThemeLight, vscodeThemeKind } = body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === 'false'; // JupyterLab, Notebook 7
  if (vscodeThemeKind !== undefined) return /dark|contrast$/.test(vscodeThemeKind);
  const theme = html.getAttribute('theme'); // Colab
  if (theme === 'dark' || theme === 'light') return theme === 'dark';
  for (let at: Element | null = element; at; at = at.parentElement) {
    const dark = isDarkColour(getComputedStyle(at).backgroundColor);
    if (dark !== null) return dark;
  }
  return null;
}

/** Whether a colour, as the browser computes it, is dark; null where it lets through what is behind. */
export function isDarkColour(colour: string): boolean | null {
  const found = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(colour);
  if (!found || Number(found[4] ?? 1) < 0.5) return null;
  const [red = 0, green = 0, blue = 0] = found.slice(1, 4).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

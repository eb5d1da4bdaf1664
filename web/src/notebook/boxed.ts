/** Style sheets written for a window, for a box of a notebook's page: used by the build. */

/** Media queries, window sizes and root ems as those of the box. */
export function boxed(css: string): string {
  return css
    .replaceAll(/@media\s*\((max|min)-width:/g, '@container cutaway ($1-width:')
    .replaceAll(/@media\s*\(width/g, '@container cutaway (width')
    .replaceAll(/(?<![\w.])(\d*\.?\d+)rem\b/g, (_, n: string) => `${Number(n) * 16}px`)
    .replaceAll(/(?<![\w.])(\d*\.?\d+)vw\b/g, '$1cqi')
    .replaceAll(/(?<![\w.])(\d*\.?\d+)vh\b/g, 'calc(var(--vh) * $1)');
}

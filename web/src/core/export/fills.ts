/** Backgrounds of the page that are gradients: hatches and ramps, as SVG has them. */

export interface Fill {
  /** What goes before the shape. */
  definition: string;
  fill: string;
  stroke: string;
}

/** The fill of a computed `background-image`; null for pictures and for none. */
export function gradientFill(image: string, id: string): Fill | null {
  const colours = image.match(/rgba?\([^)]*\)/g) ?? [];
  const first = colours[0];
  if (!first) return null;
  if (image.startsWith('repeating-linear-gradient')) {
    const lines = `<path d="M-1 6L6 -1M4 7L7 4M-1 1L1 -1" stroke="${first}" stroke-width="1.2"/>`;
    const size = 'width="5" height="5" patternUnits="userSpaceOnUse"';
    const definition = `<defs><pattern id="${id}" ${size}>${lines}</pattern></defs>`;
    return { definition, fill: `url(#${id})`, stroke: first };
  }
  if (!image.startsWith('linear-gradient(90deg')) return null;
  const stops = colours.map(
    (colour, i) =>
      `<stop offset="${colours.length > 1 ? i / (colours.length - 1) : 0}" stop-color="${colour}"/>`,
  );
  const definition = `<defs><linearGradient id="${id}">${stops.join('')}</linearGradient></defs>`;
  return { definition, fill: `url(#${id})`, stroke: 'none' };
}

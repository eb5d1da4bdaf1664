/** An SVG of the page that needs no style sheet: what the sheet says is written into it. */

const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'paint-order',
  'vector-effect',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'visibility',
] as const;

export function svgTwin(svg: SVGSVGElement, x: number, y: number): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll('*')];
  const copies = [copy, ...copy.querySelectorAll('*')];
  originals.forEach((original, i) => write(getComputedStyle(original), copies[i]!));
  const box = svg.getBoundingClientRect();
  const attributes = { x, y, width: box.width, height: box.height, overflow: 'visible' };
  for (const [name, value] of Object.entries(attributes)) copy.setAttribute(name, String(value));
  copy.querySelectorAll('[data-not-exported]').forEach((element) => element.remove());
  return new XMLSerializer().serializeToString(copy);
}

function write(style: CSSStyleDeclaration, element: Element): void {
  for (const property of PROPERTIES) {
    const value = style.getPropertyValue(property);
    if (value) element.setAttribute(property, value);
  }
  const transform = style.transform;
  if (transform && transform !== 'none' && !element.hasAttribute('transform')) {
    element.setAttribute('transform', transform);
  }
  for (const name of ['class', 'style', 'tabindex']) element.removeAttribute(name);
}

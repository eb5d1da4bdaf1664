/**
 * A figure of the page as a drawing of its own: text stays text, vectors stay vectors, canvases
 * become images. Works on any view, for it reads what the browser laid out.
 */
import { isControl, shownIn, slider, type Control } from './controls';
import { gradientFill } from './fills';
import { svgTwin } from './twin';

const NS = 'http://www.w3.org/2000/svg';
const MARGIN = 24;

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Picture {
  svg: string;
  width: number;
  height: number;
}

export interface PictureSettings {
  /** Colour behind the figure. */
  page: string;
  /** Printed under the figure. */
  receipt: string;
  /** The same for machines. */
  metadata: unknown;
}

export function pictureOf(
  element: HTMLElement,
  { page, receipt, metadata }: PictureSettings,
): Picture {
  const box = element.getBoundingClientRect();
  const width = Math.ceil(box.width) + 2 * MARGIN;
  const height = Math.ceil(box.height) + 2 * MARGIN + 28;
  const parts: string[] = [];
  new Walker(box.left - MARGIN, box.top - MARGIN, parts).walk(element, box);
  const font = escape(getComputedStyle(element).fontFamily);
  const ink = getComputedStyle(element).color;
  const svg = [
    `<svg xmlns="${NS}" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}"`,
    ` viewBox="0 0 ${width} ${height}">`,
    `<metadata>${escape(JSON.stringify(metadata))}</metadata>`,
    `<rect width="${width}" height="${height}" fill="${page}"/>`,
    ...parts,
    `<text x="${MARGIN}" y="${height - 16}" font-family="${font}" font-size="11" fill="${ink}"`,
    ` fill-opacity="0.65">${escape(receipt)}</text></svg>`,
  ].join('');
  return { svg, width, height };
}

/** The picture in pixels, `scale` for each of the page's. */
export async function pngOf(picture: Picture, scale = 2): Promise<Blob> {
  const image = new Image(picture.width * scale, picture.height * scale);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture.svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d')?.drawImage(image, 0, 0, image.width, image.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('No picture.'))), 'image/png'),
  );
}

class Walker {
  readonly #pen = document.createElement('canvas').getContext('2d');

  constructor(
    private readonly left: number,
    private readonly top: number,
    private readonly parts: string[],
  ) {}

  walk(element: Element, clip: Box): void {
    const style = getComputedStyle(element);
    if (isUnseen(element, style)) return;
    const box = element.getBoundingClientRect();
    if (style.display !== 'contents' && !meets(box, clip)) return;
    // The twin of a drawing in SVG brings its opacity along.
    const isFaded = style.opacity !== '1' && !(element instanceof SVGSVGElement);
    if (isFaded) this.parts.push(`<g opacity="${style.opacity}">`);
    this.#draw(element, style, box, clip);
    if (isFaded) this.parts.push('</g>');
  }

  #draw(element: Element, style: CSSStyleDeclaration, box: DOMRect, clip: Box): void {
    if (element instanceof SVGSVGElement) {
      this.parts.push(svgTwin(element, box.left - this.left, box.top - this.top));
      return;
    }
    const isSlider = element instanceof HTMLInputElement && element.type === 'range';
    if (style.display !== 'contents' && !isSlider) this.#box(box, style);
    if (element instanceof HTMLCanvasElement) this.#image(element, box);
    if (isControl(element)) this.#control(element, box, style);
    else this.#children(element, style, style.overflow === 'visible' ? clip : cut(clip, box));
  }

  #children(element: Element, style: CSSStyleDeclaration, clip: Box): void {
    for (const child of element.childNodes) {
      if (child instanceof Element) this.walk(child, clip);
      else if (child instanceof Text) this.#text(child, style, clip);
    }
  }

  #box(box: DOMRect, style: CSSStyleDeclaration): void {
    const [x, y] = [box.left - this.left, box.top - this.top];
    const widths = [
      style.borderTopWidth,
      style.borderRightWidth,
      style.borderBottomWidth,
      style.borderLeftWidth,
    ].map(parseFloat);
    const isEven = widths.every((width) => width === widths[0] && width > 0);
    const gradient = gradientFill(style.backgroundImage, `fill${this.parts.length}`);
    const isFilled = !/^(transparent|rgba\(.*, 0\))$/.test(style.backgroundColor);
    const fill = gradient?.fill ?? (isFilled ? style.backgroundColor : 'none');
    const stroke = isEven ? style.borderTopColor : (gradient?.stroke ?? 'none');
    if (fill !== 'none' || isEven) {
      const half = stroke === 'none' ? 0 : (widths[0] || 1) / 2;
      this.parts.push(
        `${gradient?.definition ?? ''}<rect x="${x + half}" y="${y + half}"` +
          ` width="${Math.max(0, box.width - 2 * half)}" height="${Math.max(0, box.height - 2 * half)}"` +
          ` rx="${parseFloat(style.borderTopLeftRadius) || 0}" fill="${fill}"` +
          ` stroke="${stroke}" stroke-width="${2 * half}"/>`,
      );
    }
    if (!isEven) this.#borders(x, y, box, style, widths);
  }

  #borders(x: number, y: number, box: DOMRect, style: CSSStyleDeclaration, widths: number[]): void {
    const lines: [number, string, string][] = [
      [widths[0]!, style.borderTopColor, `M${x} ${y}h${box.width}`],
      [widths[1]!, style.borderRightColor, `M${x + box.width} ${y}v${box.height}`],
      [widths[2]!, style.borderBottomColor, `M${x} ${y + box.height}h${box.width}`],
      [widths[3]!, style.borderLeftColor, `M${x} ${y}v${box.height}`],
    ];
    for (const [width, colour, d] of lines) {
      if (width > 0) this.parts.push(`<path d="${d}" stroke="${colour}" stroke-width="${width}"/>`);
    }
  }

  #image(canvas: HTMLCanvasElement, box: DOMRect): void {
    this.parts.push(
      `<image x="${box.left - this.left}" y="${box.top - this.top}" width="${box.width}"` +
        ` height="${box.height}" href="${canvas.toDataURL()}" preserveAspectRatio="none"/>`,
    );
  }

  #control(control: Control, box: DOMRect, style: CSSStyleDeclaration): void {
    const [x, y] = [box.left - this.left, box.top - this.top];
    if (control instanceof HTMLInputElement && control.type === 'range') {
      const place = { left: x, top: y, width: box.width, height: box.height };
      const colours: [string, string] = [style.accentColor, style.getPropertyValue('--line')];
      this.parts.push(slider(control, place, colours));
      return;
    }
    const shown = shownIn(control);
    const pen = this.#pen;
    if (!pen || shown === '') return;
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { width, fontBoundingBoxAscent, fontBoundingBoxDescent } = pen.measureText(shown);
    const left =
      style.textAlign === 'right'
        ? box.right - parseFloat(style.paddingRight) - width
        : box.left + parseFloat(style.paddingLeft);
    const high = fontBoundingBoxAscent + fontBoundingBoxDescent;
    this.#line(shown, left, box.top + (box.height - high) / 2, style);
  }

  #text(node: Text, style: CSSStyleDeclaration, clip: Box): void {
    if (!node.data.trim()) return;
    const range = document.createRange();
    let line = { text: '', left: 0, top: NaN };
    const end = () => line.text.trim() && this.#line(line.text, line.left, line.top, style);
    for (let i = 0; i < node.length; i += node.data.codePointAt(i)! > 0xffff ? 2 : 1) {
      const width = node.data.codePointAt(i)! > 0xffff ? 2 : 1;
      range.setStart(node, i);
      range.setEnd(node, i + width);
      const box = range.getClientRects()[0];
      const isBlank = /\s/.test(node.data[i]!);
      // Blanks that the browser has folded away take no room.
      if (!box || (isBlank && box.width === 0) || !meets(box, clip)) continue;
      if (Math.abs(box.top - line.top) > 2 || Number.isNaN(line.top)) {
        end();
        line = { text: '', left: box.left, top: box.top };
      }
      line.text += isBlank ? ' ' : node.data.slice(i, i + width);
    }
    end();
  }

  #line(text: string, left: number, top: number, style: CSSStyleDeclaration): void {
    const pen = this.#pen;
    if (!pen) return;
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const ascent = pen.measureText('x').fontBoundingBoxAscent;
    const struck = style.textDecorationLine.includes('line-through');
    this.parts.push(
      `<text x="${left - this.left}" y="${top - this.top + ascent}" font-size="${style.fontSize}"` +
        ` font-family="${escape(style.fontFamily)}" font-weight="${style.fontWeight}"` +
        ` font-style="${style.fontStyle}"${struck ? ' text-decoration="line-through"' : ''} fill="${style.color}" xml:space="preserve">${escape(text)}</text>`,
    );
  }
}

function isUnseen(element: Element, style: CSSStyleDeclaration): boolean {
  return (
    style.display === 'none' ||
    style.visibility === 'hidden' ||
    style.opacity === '0' ||
    element.classList.contains('unseen') ||
    element.hasAttribute('data-not-exported') ||
    element.matches('details:not([open]) > :not(summary)')
  );
}

function meets(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

function cut(a: Box, b: Box): Box {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

function escape(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!,
  );
}

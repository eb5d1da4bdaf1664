/** A canvas with as many pixels as the screen has, and one drawing for each frame at most. */

/** Sets the size in page pixels and gives a pen that draws in them. */
export function surface(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const pen = canvas.getContext('2d');
  pen?.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen?.clearRect(0, 0, width, height);
  return pen;
}

/** Draws once before the next frame, however often it is asked; give it to an effect. */
export function inFrame(draw: () => void): () => void {
  const handle = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(handle);
}

/** Slanted lines: cells that the mask keeps out. */
export function hatch(
  pen: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  w: number,
  h: number,
): void {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.beginPath();
  for (let at = x - h; at < x + w; at += 7) {
    pen.moveTo(at, y + h);
    pen.lineTo(at + h, y);
  }
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.stroke();
  pen.restore();
}

/** A text cut to a width, with an ellipsis. */
export function clipText(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && pen.measureText(`${characters.join('')}\u2026`).width > width)
    characters.pop();
  return `${characters.join('')}\u2026`;
}

declare global {
  interface HTMLCanvasElement {
    /** What a painter has drawn, for the tests that compare it with the model. */
    cutaway?: unknown;
  }
}

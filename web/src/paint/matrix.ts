/** One picture of a matrix on a canvas: hatch, bitmap, labels in view, what is chosen. */
import type { Ink, Role } from './ink';
import { clipText, hatch } from './surface';
import { labelled, type CellAt, type Extent, type Viewport } from './viewport';

export interface MatrixScene {
  image: HTMLCanvasElement;
  /** What the image was made of; 0 where a cell is masked. */
  picture: Uint32Array;
  seen: Viewport;
  extent: Extent;
  rows: readonly string[];
  columns: readonly string[];
  roles: readonly [rows: Role, columns: Role];
  selected: CellAt | null;
  hovered: CellAt | null;
  /** The number of a cell, where cells are large enough to hold one. */
  write?: ((row: number, column: number) => string) | undefined;
  /** Room for the labels. */
  left: number;
  top: number;
}

const LABEL = 13;
/** The smallest cell that a number fits into. */
export const READABLE = 30;

export function drawMatrix(pen: CanvasRenderingContext2D, ink: Ink, scene: MatrixScene): void {
  const { image, seen, extent, left, top } = scene;
  pen.save();
  pen.translate(left, top);
  pen.beginPath();
  pen.rect(0, 0, extent.width, extent.height);
  pen.clip();
  hatch(pen, ink.mask, 0, 0, extent.width, extent.height);
  pen.imageSmoothingEnabled = seen.scale < 1;
  const [w, h] = [extent.width / seen.scale, extent.height / seen.scale];
  pen.drawImage(image, seen.x, seen.y, w, h, 0, 0, extent.width, extent.height);
  numbers(pen, ink, scene);
  for (const [cell, strong] of [
    [scene.hovered, false],
    [scene.selected, true],
  ] as const) {
    if (cell) outline(pen, ink, scene, cell, strong);
  }
  pen.restore();
  pen.strokeStyle = ink.line;
  pen.strokeRect(left - 0.5, top - 0.5, extent.width + 1, extent.height + 1);
  rowLabels(pen, ink, scene);
  columnLabels(pen, ink, scene);
}

/** Numbers on the colours of their cells, dark on light or light on dark as each of them asks. */
function numbers(pen: CanvasRenderingContext2D, ink: Ink, scene: MatrixScene): void {
  const { seen, extent, write, picture, rows, columns } = scene;
  if (!write || seen.scale < READABLE) return;
  pen.font = `${seen.scale < 40 ? 10 : 12}px ${ink.sans}`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  const [bottom, right] = [seen.y + extent.height / seen.scale, seen.x + extent.width / seen.scale];
  for (let row = Math.floor(seen.y); row < Math.min(rows.length, bottom); row++) {
    for (let column = Math.floor(seen.x); column < Math.min(columns.length, right); column++) {
      const pixel = picture[row * columns.length + column]!;
      const text = write(row, column);
      if (text === '') continue; // it is on its way
      const [x, y] = [(column + 0.5 - seen.x) * seen.scale, (row + 0.5 - seen.y) * seen.scale];
      if (pixel === 0) blank(pen, ink, x, y, pen.measureText(text).width + 6);
      pen.fillStyle = pixel === 0 ? ink.ink2 : readableOn(pixel);
      pen.fillText(text, x, y);
    }
  }
}

/** Room for a number on a hatch. */
function blank(pen: CanvasRenderingContext2D, ink: Ink, x: number, y: number, width: number) {
  pen.fillStyle = ink.page;
  pen.fillRect(x - width / 2, y - 8, width, 16);
}

/** Dark or white, whichever stands out more on a pixel of a colour table. */
export function readableOn(pixel: number): string {
  const linear = (shift: number) => (((pixel >> shift) & 255) / 255) ** 2.2;
  const light = 0.2126 * linear(0) + 0.7152 * linear(8) + 0.0722 * linear(16);
  return light > 0.19 ? '#1d1c20' : '#ffffff';
}

function outline(
  pen: CanvasRenderingContext2D,
  ink: Ink,
  scene: MatrixScene,
  cell: CellAt,
  strong: boolean,
): void {
  const { seen, extent, roles } = scene;
  const size = Math.max(seen.scale, 2);
  const [x, y] = [(cell.column - seen.x) * seen.scale, (cell.row - seen.y) * seen.scale];
  pen.lineWidth = strong ? 2 : 1;
  pen.strokeStyle = ink.fill[roles[0]];
  pen.strokeRect(0, y, extent.width, size);
  pen.strokeStyle = ink.fill[roles[1]];
  pen.strokeRect(x, 0, size, extent.height);
  pen.lineWidth = 2;
  pen.strokeStyle = ink.ink;
  pen.strokeRect(x, y, size, size);
}

function isMarked(scene: MatrixScene, side: 'row' | 'column', i: number): boolean {
  return scene.selected?.[side] === i || scene.hovered?.[side] === i;
}

function rowLabels(pen: CanvasRenderingContext2D, ink: Ink, scene: MatrixScene): void {
  const { seen, extent, rows, roles, left, top } = scene;
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (const row of marks(
    scene,
    'row',
    labelled(seen.y, seen.scale, extent.height, rows.length, LABEL),
  )) {
    const y = (row - seen.y + 0.5) * seen.scale;
    if (y < 0 || y > extent.height) continue;
    write(pen, ink, roles[0], isMarked(scene, 'row', row));
    // The last of many rows is thinner than its label.
    const inside = Math.max(4, Math.min(extent.height - 5, y));
    pen.fillText(clipText(pen, rows[row]!, left - 10), left - 7, top + inside);
  }
}

function columnLabels(pen: CanvasRenderingContext2D, ink: Ink, scene: MatrixScene): void {
  const { seen, extent, columns, roles, left, top } = scene;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  const places = labelled(seen.x, seen.scale, extent.width, columns.length, LABEL);
  for (const column of marks(scene, 'column', places)) {
    const x = (column - seen.x + 0.5) * seen.scale;
    if (x < 0 || x > extent.width) continue;
    write(pen, ink, roles[1], isMarked(scene, 'column', column));
    pen.save();
    pen.translate(left + x, top - 6);
    pen.rotate(-Math.PI / 3);
    pen.fillText(clipText(pen, columns[column]!, top - 4), 0, 0);
    pen.restore();
  }
}

/** Labels beside one that is marked give way to it where they stand close. */
function marks(scene: MatrixScene, side: 'row' | 'column', places: number[]): number[] {
  const marked = [scene.selected?.[side], scene.hovered?.[side]].filter((i) => i !== undefined);
  const close = LABEL / scene.seen.scale;
  return [
    ...places.filter((i) => marked.every((m) => m === i || Math.abs(m - i) >= close)),
    ...marked,
  ];
}

function write(pen: CanvasRenderingContext2D, ink: Ink, role: Role, strong: boolean): void {
  pen.font = `${strong ? '600 ' : ''}12px ${ink.sans}`;
  pen.fillStyle = strong ? ink.role[role] : ink.ink2;
}

/** Paints the roll: keys, lines of time, and notes as strong as they are loud. */
import type { Ink } from '../../paint/ink';
import { isBlack, pitchName } from './events';
import { boxOf, rowHeight, timeStep, xOf, yOf, type Frame } from './roll';
import type { Note } from './score';

export interface Scene {
  frame: Frame;
  notes: readonly Note[];
  /** Events that are shown; notes behind them are outlines. */
  step: number;
  /** The note that looks, by its place; -1 where an event looks that begins none. */
  asks: number;
  /** Notes that are looked at. */
  looked: ReadonlySet<number>;
  /** When the event that looks takes place. */
  now: number;
  /** Where the play-head is; null while it rests. */
  head: number | null;
}

/** Room below the lowest row for the times. */
export const FOOT = 20;

/** How strong a note's colour is. */
export function strengthOf(velocity: number): number {
  return 0.25 + 0.75 * (velocity / 127);
}

export function drawRoll(pen: CanvasRenderingContext2D, ink: Ink, scene: Scene): void {
  drawKeys(pen, ink, scene.frame);
  drawTimes(pen, ink, scene.frame);
  pen.save();
  const { frame } = scene;
  pen.beginPath();
  pen.rect(frame.left, 0, frame.width - frame.left, frame.height + FOOT);
  pen.clip();
  scene.notes.forEach((note, i) => drawNote(pen, ink, scene, note, i));
  drawLine(pen, frame, scene.now, ink.fill.query, scene.asks < 0);
  if (scene.head !== null) drawLine(pen, frame, scene.head, ink.ink, true);
  pen.restore();
}

function drawKeys(pen: CanvasRenderingContext2D, ink: Ink, frame: Frame): void {
  const tall = rowHeight(frame);
  pen.font = `10px ${ink.sans}`;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (let pitch = frame.low; pitch <= frame.high; pitch++) {
    const y = yOf(frame, pitch);
    if (isBlack(pitch)) {
      pen.fillStyle = ink.card;
      pen.fillRect(frame.left, y, frame.width - frame.left, tall);
    }
    if (pitch % 12 !== 0) continue;
    pen.fillStyle = ink.line;
    pen.fillRect(frame.left, y + tall - 0.5, frame.width - frame.left, 1);
    pen.fillStyle = ink.ink2;
    pen.fillText(pitchName(pitch), frame.left - 6, y + tall / 2);
  }
}

function drawTimes(pen: CanvasRenderingContext2D, ink: Ink, frame: Frame): void {
  const step = timeStep(frame);
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  pen.textAlign = 'center';
  const last = Math.floor((frame.from + frame.seconds) / step + 1e-6);
  for (let i = Math.ceil(frame.from / step - 1e-6); i <= last; i++) {
    const x = xOf(frame, i * step);
    pen.fillStyle = ink.line;
    pen.fillRect(x, frame.top, 1, frame.height - frame.top);
    if (x > frame.width - 14) continue;
    pen.fillStyle = ink.ink3;
    pen.fillText((i * step).toFixed(digits), Math.max(x, frame.left + 6), frame.height + 11);
  }
}

function drawNote(
  pen: CanvasRenderingContext2D,
  ink: Ink,
  { frame, step, asks, looked }: Scene,
  note: Note,
  i: number,
): void {
  const { x, y, width, height } = boxOf(frame, note);
  if (x > frame.width || x + width < frame.left) return;
  const gap = Math.min(1, height * 0.12);
  pen.beginPath();
  pen.roundRect(x, y + gap, width, height - 2 * gap, Math.min(2.5, height / 4));
  if (note.on >= step && i !== asks) {
    pen.strokeStyle = ink.line2;
    pen.lineWidth = 1;
    pen.stroke();
    return;
  }
  pen.fillStyle = i === asks ? ink.fill.query : looked.has(i) ? ink.fill.key : ink.role.residual;
  pen.globalAlpha = strengthOf(note.velocity);
  pen.fill();
  pen.globalAlpha = 1;
  if (i !== asks && !looked.has(i)) return;
  // Not by colour alone: what asks and what is looked at has an edge.
  pen.strokeStyle = i === asks ? ink.role.query : ink.role.key;
  pen.lineWidth = i === asks ? 2 : 1.25;
  pen.stroke();
}

function drawLine(
  pen: CanvasRenderingContext2D,
  frame: Frame,
  time: number,
  colour: string,
  isStrong: boolean,
): void {
  const x = xOf(frame, time);
  pen.fillStyle = colour;
  pen.globalAlpha = isStrong ? 0.9 : 0.35;
  pen.fillRect(x - 0.75, frame.top, 1.5, frame.height - frame.top);
  pen.globalAlpha = 1;
}

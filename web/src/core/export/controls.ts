/** What a control of a form shows, for a picture of it: a text, or a slider's rail and thumb. */

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export type Control = HTMLSelectElement | HTMLInputElement | HTMLTextAreaElement;

export function isControl(element: Element): element is Control {
  return (
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLInputElement
  );
}

/** The line that stands in it: what is chosen or typed, or else what it asks for. */
export function shownIn(control: Control): string {
  if (control instanceof HTMLSelectElement) return control.selectedOptions[0]?.text ?? '';
  return control.value || control.placeholder;
}

/** A slider in SVG. */
export function slider(input: HTMLInputElement, box: Box, colours: [on: string, off: string]) {
  const [low, high] = [Number(input.min || 0), Number(input.max || 100)];
  const share = high > low ? (input.valueAsNumber - low) / (high - low) : 0;
  const [y, r] = [box.top + box.height / 2, Math.min(8, box.height / 2)];
  const at = box.left + r + share * Math.max(0, box.width - 2 * r);
  const rail = (width: number, colour: string) =>
    `<rect x="${box.left}" y="${y - 3}" width="${width}" height="6" rx="3" fill="${colour}"/>`;
  return (
    rail(box.width, colours[1]) +
    rail(at - box.left, colours[0]) +
    `<circle cx="${at}" cy="${y}" r="${r}" fill="${colours[0]}"/>`
  );
}

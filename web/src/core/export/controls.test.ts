// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { isControl, shownIn, slider } from './controls';

function input(more: Record<string, string>): HTMLInputElement {
  const element = document.createElement('input');
  for (const [name, value] of Object.entries(more)) element.setAttribute(name, value);
  return element;
}

describe('a control in a picture', () => {
  it('shows what was typed, or what it asks for', () => {
    const field = input({ placeholder: 'a word' });
    expect(isControl(field)).toBe(true);
    expect(shownIn(field)).toBe('a word');
    field.value = '0.577';
    expect(shownIn(field)).toBe('0.577');
    expect(isControl(document.createElement('p'))).toBe(false);
  });

  it('has its thumb where the slider stands', () => {
    const range = input({ type: 'range', min: '0', max: '2', step: '0.5', value: '0.5' });
    const svg = slider(range, { left: 10, top: 0, width: 116, height: 16 }, ['#111', '#eee']);
    expect(svg).toContain('cx="43"');
    expect(svg).toContain('width="116" height="6" rx="3" fill="#eee"');
  });
});

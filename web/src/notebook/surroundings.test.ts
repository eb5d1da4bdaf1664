// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { isDark, isDarkColour } from './surroundings';

afterEach(() => {
  delete document.body.dataset['jpThemeLight'];
  delete document.body.dataset['vscodeThemeKind'];
  document.documentElement.removeAttribute('theme');
  document.body.removeAttribute('style');
});

describe('the surroundings of a cell', () => {
  it('are told by the marks of the notebook', () => {
    document.body.dataset['jpThemeLight'] = 'false';
    expect(isDark(document.body)).toBe(true);
    document.body.dataset['jpThemeLight'] = 'true';
    expect(isDark(document.body)).toBe(false);
    delete document.body.dataset['jpThemeLight'];
    for (const [kind, dark] of [
      ['vscode-dark', true],
      ['vscode-light', false],
      ['vscode-high-contrast', true],
      ['vscode-high-contrast-light', false],
    ] as const) {
      document.body.dataset['vscodeThemeKind'] = kind;
      expect(isDark(document.body)).toBe(dark);
    }
    delete document.body.dataset['vscodeThemeKind'];
    document.documentElement.setAttribute('theme', 'dark');
    expect(isDark(document.body)).toBe(true);
  });

  it('are told by the colour behind it, else by nothing', () => {
    expect(isDarkColour('rgb(20, 19, 23)')).toBe(true);
    expect(isDarkColour('rgb(255, 255, 255)')).toBe(false);
    expect(isDarkColour('rgba(0, 0, 0, 0)')).toBe(null);
    expect(isDarkColour('color(srgb 1 1 1)')).toBe(null);
  });
});

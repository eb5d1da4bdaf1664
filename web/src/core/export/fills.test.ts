import { describe, expect, it } from 'vitest';
import { gradientFill } from './fills';

describe('gradients', () => {
  it('that repeat become a hatch with an outline', () => {
    const fill = gradientFill(
      'repeating-linear-gradient(-45deg, rgb(1, 2, 3) 0px, rgb(1, 2, 3) 1.5px, rgba(0, 0, 0, 0) 1.5px)',
      'a',
    );
    expect(fill).toMatchObject({ fill: 'url(#a)', stroke: 'rgb(1, 2, 3)' });
    expect(fill?.definition).toContain('<pattern id="a"');
  });

  it('that run across keep their colours in order', () => {
    const fill = gradientFill(
      'linear-gradient(90deg, rgb(0, 0, 0), rgb(9, 9, 9), rgb(255, 0, 0))',
      'b',
    );
    expect(fill?.definition.match(/offset="[\d.]+"/g)).toEqual([
      'offset="0"',
      'offset="0.5"',
      'offset="1"',
    ]);
  });

  it('are left alone where they are none', () => {
    expect([gradientFill('none', 'c'), gradientFill('url("x.png")', 'c')]).toEqual([null, null]);
  });
});

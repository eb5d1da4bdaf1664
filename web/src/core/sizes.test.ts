import { describe, expect, it } from 'vitest';
import { GPT2_SMALL, GPT2_XL, parameters } from './sizes';

describe('parameters', () => {
  it('gives the counts of the released checkpoints', () => {
    expect(parameters(GPT2_SMALL)).toBe(124_439_808);
    expect(parameters(GPT2_XL)).toBe(1_557_611_200);
  });
});

import { describe, expect, it } from 'vitest';
import { boxed } from './boxed';

describe('a sheet for a box', () => {
  it('asks for the width of the box, as written or as minified', () => {
    expect(boxed('@media (max-width: 760px) {a{}}')).toBe(
      '@container cutaway (max-width: 760px) {a{}}',
    );
    expect(boxed('@media (width<=760px){a{}}')).toBe('@container cutaway (width<=760px){a{}}');
    const motion = '@media (prefers-reduced-motion:reduce){a{}}';
    expect(boxed(motion)).toBe(motion);
  });

  it('measures by the box, and by no font of the notebook', () => {
    expect(boxed('a{width:min(92vw,30rem);margin:-.5rem 1.25rem}')).toBe(
      'a{width:min(92cqi,480px);margin:-8px 20px}',
    );
    expect(boxed('a{max-height:100vh;top:.5vh}')).toBe(
      'a{max-height:calc(var(--vh) * 100);top:calc(var(--vh) * .5)}',
    );
  });

  it('leaves names alone', () => {
    expect(boxed('.rem{--x4rem:1}')).toBe('.rem{--x4rem:1}');
  });
});

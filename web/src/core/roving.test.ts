import { expect, it } from 'vitest';
import { rove } from './roving';

it('goes left, right and to the ends, never out of the row', () => {
  const keys = ['ArrowLeft', 'ArrowRight', 'Home', 'End', 'a'];
  expect(keys.map((key) => rove(key, 1, 3))).toEqual([0, 2, 0, 2, null]);
  expect([rove('ArrowLeft', 0, 3), rove('ArrowRight', 2, 3)]).toEqual([0, 2]);
});

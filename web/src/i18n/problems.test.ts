import { describe, expect, it } from 'vitest';
import document from '../../openapi.json';
import { Problem, problemFrom } from '../core/problem';
import { said } from './problems';
import { problems as zh } from './problems.zh';

type Field = { type: string };

/** Every kind that the server's document knows, with values of its own. */
const told = document.components.schemas.Problem.oneOf.map(({ properties }) => {
  const fields = Object.entries(properties.values.properties as Record<string, Field>);
  const values = fields.map(([name, { type }], i) => [
    name,
    type === 'number' ? 71 + i : `<${name}>`,
  ]);
  return { kind: properties.error.const, values: Object.fromEntries(values) as Problem['values'] };
});

function problem(kind: string, values: Problem['values'] = {}): Problem {
  return new Problem(kind, 'It broke.', { hint: 'Mend it.', values });
}

describe('problems in the language of the page', () => {
  it.each(told)('says $kind in both languages, with its values', ({ kind, values }) => {
    const english = said(problem(kind, values), 'en');
    expect(english).toEqual({ what: 'It broke.', hint: 'Mend it.', english: '' });
    const { what, hint, english: rest } = said(problem(kind, values), 'zh');
    expect(what).toMatch(/\p{Script=Han}.*。$/u);
    expect(what + hint).not.toMatch(/undefined|NaN|\[object/);
    if (rest === '' && kind !== 'InvalidRequest')
      for (const value of Object.values(values)) expect(what + hint).toContain(String(value));
  });

  it('has no sentence for what is not told', () => {
    const ofThePage = ['Lost', 'NotRecorded', 'Error'];
    const kinds = [...told.map(({ kind }) => kind), ...ofThePage];
    expect(Object.keys(zh).sort()).toEqual(kinds.sort());
  });

  it('leaves what it does not know to the words of the server', () => {
    const expected = { what: '', hint: '', english: 'It broke. Mend it.' };
    expect(said(problem('Unheard'), 'zh')).toEqual(expected);
  });

  it('adds those words where the kind alone says little', () => {
    expect(said(problem('ConfigError'), 'zh').english).toBe('It broke. Mend it.');
    const values = { place: 'k', given: '0', rule: 'greater_than_equal', limit: '1' };
    expect(said(problem('InvalidRequest', values), 'zh')).toMatchObject({
      hint: '它不能小于 1。',
      english: '',
    });
    const other = problem('InvalidRequest', { ...values, rule: 'uuid_version' });
    expect(said(other, 'zh').english).toBe('It broke. Mend it.');
  });

  it('reads the values out of an answer, and the status of one that is none', () => {
    const body = { error: 'OutOfRange', what: 'a', hint: 'b', values: { name: 'q' } };
    expect(problemFrom(422, JSON.stringify(body))).toMatchObject({ values: { name: 'q' } });
    expect(said(problemFrom(502, '<html>'), 'zh').what).toContain('502');
  });
});

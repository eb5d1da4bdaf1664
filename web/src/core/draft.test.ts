import { describe, expect, it } from 'vitest';
import { Draft } from './draft.svelte';
import { ofItself, type Store } from './storage';

/** What a tab that is loaded anew has of the one before. */
function reloaded(tab: Store, fingerprint = 'aaa'): Draft {
  const draft = new Draft(tab);
  draft.restore(fingerprint);
  return draft;
}

function written(tab: Store, text: string): Draft {
  const draft = new Draft(tab);
  draft.begin('The robot', 'aaa');
  draft.text = text;
  return draft;
}

describe('a draft', () => {
  it('outlives a reload, for the model it was written for', () => {
    const tab = ofItself();
    written(tab, 'The robot must');
    const { text, isRestored } = reloaded(tab);
    expect([text, isRestored]).toEqual(['The robot must', true]);
    expect(reloaded(tab, 'bbb').text).toBeNull();
  });

  it('is only kept once something is written', () => {
    const tab = ofItself();
    new Draft(tab).begin('The robot', 'aaa');
    expect(reloaded(tab).text).toBeNull();
  });

  it.each([null, ''])('ends when it is read, given up or emptied: %j', (end) => {
    const tab = ofItself();
    written(tab, 'The robot must').text = end;
    expect(reloaded(tab).text).toBeNull();
  });

  it('does not come back over one that is open', () => {
    const tab = ofItself();
    written(tab, 'The robot must');
    const other = new Draft(tab);
    other.begin('Two', 'aaa');
    other.restore('aaa');
    expect(other.text).toBe('Two');
  });

  it.each(['{', 'null', '5', '{"text":3}', '{"fingerprint":"aaa","text":""}'])(
    'takes nothing from what it did not write: %s',
    (saved) => {
      const tab = ofItself();
      tab.set('draft', saved);
      expect(reloaded(tab).text).toBeNull();
    },
  );
});

/** What is set here, as a link keeps it: temperature and top-p in hundredths. */
import type { Settings as Kept } from '../../core/place';
import type { Settings } from './sampler';

export interface Choice extends Settings {
  seed: number;
}

/** How the view opens. */
export const OPENS: Readonly<Choice> = { temperature: 1, top_k: 40, top_p: 1, seed: 7 };

/** The largest seed that a number holds. */
export const MOST_SEED = 2 ** 53 - 1;

const NAMES = { temperature: 't', top_k: 'k', top_p: 'p', seed: 'seed' } as const;
const HUNDREDTHS: readonly string[] = ['temperature', 'top_p'];
const ENDS = { temperature: [0, 2], top_k: [0, 1e9], top_p: [0.01, 1], seed: [0, MOST_SEED] };

export function choiceOf(kept: Kept): Choice {
  const read = (name: keyof Choice) => {
    const text = kept[NAMES[name]] ?? '';
    if (!/^\d{1,16}$/.test(text)) return OPENS[name];
    const value = Number(text) / (HUNDREDTHS.includes(name) ? 100 : 1);
    const [least, most] = ENDS[name] as [number, number];
    return Math.min(most, Math.max(least, value));
  };
  return {
    temperature: read('temperature'),
    top_k: read('top_k'),
    top_p: read('top_p'),
    seed: read('seed'),
  };
}

/** The settings with another choice; what is as the view opens is left out. */
export function keep(kept: Kept, choice: Choice): Kept {
  const own: readonly string[] = Object.values(NAMES);
  const others = Object.entries(kept).filter(([name]) => !own.includes(name));
  const said = (Object.keys(NAMES) as (keyof Choice)[])
    .filter((name) => choice[name] !== OPENS[name])
    .map((name) => {
      const value = HUNDREDTHS.includes(name) ? Math.round(100 * choice[name]) : choice[name];
      return [NAMES[name], String(value)] as const;
    });
  return Object.fromEntries([...others, ...said]);
}

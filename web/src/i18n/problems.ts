/**
 * A problem in the page's language. The server's own words are the English ones and are written
 * nowhere else; another language has a sentence for every kind, made of the values of that kind.
 * Kinds and values come from the server's document, so that a kind without a sentence, a sentence
 * without a kind and a value that is not told are errors of type.
 */
import type { ProblemTold } from '../api/types';
import type { Problem } from '../core/problem';
import type { LanguageCode } from './language.svelte';
import { problems as zh } from './problems.zh';

/** Problems that the page finds by itself. */
interface OfThePage {
  Lost: Record<string, never>;
  NotRecorded: Record<string, never>;
  Error: Record<string, never>;
}

type ToldKind = ProblemTold['error'];
export type Kind = ToldKind | keyof OfThePage;

type ValuesOf<K extends Kind> = K extends keyof OfThePage
  ? OfThePage[K]
  : Extract<ProblemTold, { error: K }>['values'];

/** What happened, and the way out where there is one. */
export interface Sentence {
  what: string;
  hint?: string;
  /** Says only what kind of thing went wrong; which, the English words say. */
  isVague?: boolean;
}

export type Sentences = { readonly [K in Kind]: (values: ValuesOf<K>) => Sentence };

/** What is shown; `english` is what has to be marked as such. */
export interface Said {
  what: string;
  hint: string;
  english: string;
}

const SENTENCES: Readonly<Record<Exclude<LanguageCode, 'en'>, Sentences>> = { zh };

export function said(problem: Problem, language: LanguageCode): Said {
  const english = `${problem.what} ${problem.hint}`.trim();
  if (language === 'en') return { what: problem.what, hint: problem.hint, english: '' };
  const sentences: Partial<Record<string, unknown>> = SENTENCES[language];
  const say = sentences[problem.kind] as ((values: Problem['values']) => Sentence) | undefined;
  if (!say) return { what: '', hint: '', english };
  const { what, hint = '', isVague = false } = say(problem.values);
  return { what, hint, english: isVague ? english : '' };
}

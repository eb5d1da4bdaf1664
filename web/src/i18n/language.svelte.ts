/** The language of the page, and how a component takes its texts in it. */
import { lasting } from '../core/storage';
import { en } from './en';
import { zh } from './zh';

export type LanguageCode = 'en' | 'zh';

/** One text object per language; `zh: typeof en` makes a missing or surplus key a type error. */
export type Texts<T> = Readonly<Record<LanguageCode, T>>;

const SHELL: Texts<typeof en> = { en, zh };

export class Language {
  code = $state<LanguageCode>('en');

  constructor(preferred: readonly string[] = navigator.languages) {
    const saved = lasting.get('language');
    const first = preferred.find((code) => /^(en|zh)\b/.test(code));
    this.code = (saved ?? first ?? 'en').startsWith('zh') ? 'zh' : 'en';
  }

  /** The texts of the shell. */
  get shell(): typeof en {
    return SHELL[this.code];
  }

  pick<T>(texts: Texts<T>): T {
    return texts[this.code];
  }

  choose(code: LanguageCode): void {
    this.code = code;
    lasting.set('language', code);
  }
}

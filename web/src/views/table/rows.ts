/** The rows of the table: every matrix once, what it weighs in one block and in all. */
import type { Parameters } from '../../api/types';

export type Part = 'embedding' | 'attention' | 'mlp' | 'norm';
export type Group = 'in' | 'block' | 'out';

export interface Row {
  /** `h.*` stands for every block. */
  name: string;
  /** The key of its description. */
  what: string;
  stage: string;
  group: Group;
  part: Part;
  shape: readonly number[];
  /** Parameters of one, how many there are of it, and of all together. */
  parameters: number;
  copies: number;
  all: number;
  share: number;
  bytes: number;
}

/** All parameters of a GPT-2 in the order of the forward pass. */
const NAMES = [
  'wte.weight',
  'wpe.weight',
  'h.*.ln_1.weight',
  'h.*.ln_1.bias',
  'h.*.attn.c_attn.weight',
  'h.*.attn.c_attn.bias',
  'h.*.attn.c_proj.weight',
  'h.*.attn.c_proj.bias',
  'h.*.ln_2.weight',
  'h.*.ln_2.bias',
  'h.*.mlp.c_fc.weight',
  'h.*.mlp.c_fc.bias',
  'h.*.mlp.c_proj.weight',
  'h.*.mlp.c_proj.bias',
  'ln_f.weight',
  'ln_f.bias',
] as const;

/** A name as the address has it: `h-attn-c_attn-weight`. */
export function stageOf(name: string): string {
  return name.replace('.*', '').replaceAll('.', '-');
}

export const STAGES: readonly string[] = NAMES.map(stageOf);

/** The parameter that the cursor is on: the first one where it names none. */
export function nameAt(stage: string, layer: number): string {
  const name = NAMES[Math.max(0, STAGES.indexOf(stage))]!;
  return name.replace('*', String(layer));
}

function partOf(name: string): Part {
  if (name.includes('ln_')) return 'norm';
  if (name.includes('.attn.')) return 'attention';
  return name.includes('.mlp.') ? 'mlp' : 'embedding';
}

export function rowsOf(found: Parameters, bytesEach: number): Row[] {
  return found.matrices.map(({ name, shape, parameters, copies }) => {
    const all = parameters * copies;
    const group = name.startsWith('h.') ? 'block' : name.startsWith('ln_f') ? 'out' : 'in';
    return {
      name,
      what: name.replace('h.*.', ''),
      stage: stageOf(name),
      group,
      part: partOf(name),
      shape,
      parameters,
      copies,
      all,
      share: all / found.total,
      bytes: all * bytesEach,
    };
  });
}

/** Added up here, row by row: it must be what the server counts. */
export function total(rows: readonly { all: number }[]): number {
  return rows.reduce((sum, { all }) => sum + all, 0);
}

export interface Segment {
  part: Part;
  all: number;
  share: number;
}

/** What embeddings, attention, MLP and norms take of the whole. */
export function segments(rows: readonly Row[]): Segment[] {
  const whole = total(rows);
  return (['embedding', 'attention', 'mlp', 'norm'] as const).map((part) => {
    const all = total(rows.filter((row) => row.part === part));
    return { part, all, share: all / whole };
  });
}

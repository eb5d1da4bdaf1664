import type { RunInfo } from '../api/types';

/** The cell that the reader asks about: "how was this number made?" */

export interface CellQuestion {
  /** A tap's exact name, such as `h.3.attn.pattern` or `logits`. */
  site: string;
  head?: number;
  q?: number;
  k?: number;
  i?: number;
  /** The run that it is of, where that is not the one on the page. */
  run?: RunInfo;
  /** A number of the comparison with another run: which run, and which number. */
  against?: { run: string; of: 'kl' | 'pattern' | 'output'; layer?: number };
  /** Of a gradient times input at `k`: the score that is followed back. */
  followed?: { id: number; of: 'logprob' | 'logit' };
  /** What the view calls it, in the reader's language. */
  title?: string;
}

export class Inspector {
  cell = $state.raw<CellQuestion | null>(null);
  /** On a narrow screen the inspector is a sheet that opens on demand. */
  open = $state(false);

  show(cell: CellQuestion): void {
    this.cell = cell;
    this.open = true;
  }

  /** Nothing is asked any more of a place that the text does not have. */
  keepWithin(n: number): void {
    const { cell } = this;
    if (cell && !cell.run && Math.max(cell.q ?? 0, cell.k ?? 0) >= n) this.cell = null;
  }

  close(): void {
    this.open = false;
  }
}

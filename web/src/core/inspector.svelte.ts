/** The cell that the reader asks about: "how was this number made?" */

export interface CellQuestion {
  /** A tap's exact name, such as `h.3.attn.pattern` or `logits`. */
  site: string;
  head?: number;
  q?: number;
  k?: number;
  i?: number;
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

  close(): void {
    this.open = false;
  }
}

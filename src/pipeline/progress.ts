/** @file How long work tells where it stands; whoever started it decides what to show. */

export interface Progress {
  /** What is being done, such as `valuing "conv1"`. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: rows, examples, ... */
  readonly unit: string;
  /** What one of them holds, where the rate is better told in that: 128 images for a step. */
  readonly each?: { readonly count: number; readonly unit: string } | undefined;
  /** How it goes, such as "loss 0.21". */
  readonly note?: string | undefined;
}

export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Remarks worth a line: what was left out and why. */
  readonly onRemark?: ((remark: string) => void) | undefined;
}

/** @file How long work tells where it stands; whoever started it decides what to show. */

export interface Progress {
  /** What is being done, such as `valuing "conv1"`. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: rows, examples, ... */
  readonly unit: string;
}

export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Remarks worth a line: what was left out and why. */
  readonly onRemark?: ((remark: string) => void) | undefined;
}

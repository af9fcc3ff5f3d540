/** @file What goes along while a data set is opened: what may lie in memory, where the rest goes, and how long work is followed. */

export interface OpenProgress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted. */
  readonly unit: string;
}

export interface OpenWork {
  /**
   * Data of more bytes than this, unpacked and decoded, stay on the disk and are read when a batch asks for them: where they
   * lie if they can be read there, else from a spool. Default 256 MiB.
   */
  readonly streamAbove?: number | undefined;
  /**
   * Folder for spools. Default: that of the system for temporary files, which TMPDIR names; where nothing names it and it lies
   * in memory, /var/tmp.
   */
  readonly spoolFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how far unpacking, decoding and checking are. */
  readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
}

const defaultStreamAbove = 2 ** 28;

/** What one typed array may hold. */
export const mostInMemory = 2 ** 32;

/** Whether data of so many bytes stay on the disk. */
export function isLarge(bytes: number, { streamAbove = defaultStreamAbove }: OpenWork): boolean {
  return bytes > Math.min(streamAbove, mostInMemory);
}

/** Tells of work that is counted in bytes. */
export function tellMebibytes(
  { onProgress }: OpenWork,
  label: string,
  doneBytes: number,
  totalBytes: number,
): void {
  const [done, total] = [doneBytes, totalBytes].map((bytes) => Math.floor(bytes / 2 ** 20)) as [
    number,
    number,
  ];
  onProgress?.({ label, done, total, unit: "MiB" });
}

/** @file Work that waits until not too much of its kind is under way. */

/**
 * A gate that lets so many pieces of work run at a time; the others wait, first come first served.
 * @example const gate = atMost(4); await Promise.all(files.map((file) => gate(() => read(file))));
 */
export function atMost(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (work) => {
    if (underWay < most) underWay++;
    else await new Promise<void>((enter) => waiting.push(enter)); // takes over the turn of whoever lets it in
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay--;
      else next();
    }
  };
}

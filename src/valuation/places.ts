/** @file A limited number of places, and who is in them: things that are made when they are needed and may be made again. */

/** Some keys in their places, until they are released. */
export interface Hold {
  /** Undefined for keys that are not held. */
  readonly placeOf: (key: number) => number | undefined;
  /** Keys that were not there. Nobody but the holder puts what they stand for into their places. */
  readonly fresh: readonly number[];
  release(): void;
}

export interface Places {
  readonly capacity: number;
  /**
   * Gives each key a place and keeps it there. Waits, first come first served, until places are free.
   * @throws {RangeError} for more keys than there are places.
   */
  hold(keys: ReadonlySet<number>): Promise<Hold>;
  /** Takes a key for missing from now on: its content could not be made. */
  forget(key: number): void;
}

interface Waiting {
  readonly keys: ReadonlySet<number>;
  readonly grant: (hold: Hold) => void;
}

/**
 * Places of which the one freed last is given away first. Estimators visit examples in epochs, every one once before any
 * comes again, so what has been idle for the shortest time is needed last. In epochs of random order a share f of places
 * is met f of the time this way, and f²/2 of the time if what was used longest ago went first.
 */
export function places(capacity: number): Places {
  const known = new Map<number, number>();
  const keyAt = new Float64Array(capacity).fill(-1);
  const holders = new Uint32Array(capacity);
  const waiting: Waiting[] = [];
  /** Places nobody holds any more, the one freed last on top; those held again since are passed over. */
  let idle: number[] = [];
  let neverUsed = 0;
  let held = 0;

  function keep(place: number): void {
    if (holders[place]!++ === 0) held++;
  }

  function free(place: number): void {
    if (--holders[place]! > 0) return;
    held--;
    idle.push(place);
    if (idle.length > 4 * capacity) idle = [...new Set(idle.reverse())].reverse();
  }

  function take(key: number): number {
    let place = neverUsed < capacity ? neverUsed++ : idle.pop()!;
    while (holders[place]! > 0) place = idle.pop()!;
    if (known.get(keyAt[place]!) === place) known.delete(keyAt[place]!);
    known.set(key, place);
    keyAt[place] = key;
    keep(place);
    return place;
  }

  /** Places that would be held besides those that are. */
  function needed(keys: ReadonlySet<number>): number {
    let count = 0;
    for (const key of keys) {
      const place = known.get(key);
      if (place === undefined || holders[place] === 0) count++;
    }
    return count;
  }

  function granted(keys: ReadonlySet<number>): Hold {
    const own = new Map<number, number>();
    for (const key of keys) {
      const place = known.get(key);
      if (place !== undefined) own.set(key, place);
    }
    for (const place of own.values()) keep(place);
    const fresh = [...keys].filter((key) => !own.has(key));
    for (const key of fresh) own.set(key, take(key));
    let isHeld = true;
    return {
      placeOf: (key) => own.get(key),
      fresh,
      release() {
        if (!isHeld) return;
        isHeld = false;
        for (const place of own.values()) free(place);
        serve();
      },
    };
  }

  function serve(): void {
    while (waiting.length > 0 && needed(waiting[0]!.keys) <= capacity - held) {
      const { keys, grant } = waiting.shift()!;
      grant(granted(keys));
    }
  }

  return {
    capacity,
    hold(keys) {
      if (keys.size > capacity)
        return Promise.reject(new RangeError(`${keys.size} keys do not fit into ${capacity} places`));
      return new Promise((grant) => {
        waiting.push({ keys, grant });
        serve();
      });
    },
    forget(key) {
      known.delete(key);
    },
  };
}

/** Places for everything there is: every key is its own place, and nothing is ever missing. */
export const everyPlace: Hold = { placeOf: (key) => key, fresh: [], release: () => undefined };

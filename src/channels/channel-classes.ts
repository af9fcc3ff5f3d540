/** @file Union-find over labels: which positions of which axes are one and the same channel, and which are locked. */

/** Why a channel cannot be removed. */
export interface Lock {
  /** Label of the node that holds it. */
  readonly node: string;
  readonly reason: string;
}

export interface ChannelClasses {
  /** New labels, each a channel of its own. */
  fresh(count: number): Int32Array;
  find(label: number): number;
  /** Makes two channels one; false when they were one already. */
  union(a: number, b: number): boolean;
  lock(label: number, lock: Lock): void;
  lockOf(label: number): Lock | undefined;
}

/** Disjoint sets with path halving and union by size; a lock on one member locks the whole set. */
export function channelClasses(): ChannelClasses {
  let parent = new Int32Array(1024);
  let sizes = new Int32Array(1024);
  let count = 0;
  const locks = new Map<number, Lock>();

  const find = (label: number): number => {
    let at = label;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };

  return {
    fresh(wanted) {
      if (count + wanted > parent.length) {
        const capacity = Math.max(count + wanted, 2 * parent.length);
        parent = grown(parent, capacity);
        sizes = grown(sizes, capacity);
      }
      const labels = new Int32Array(wanted);
      for (let k = 0; k < wanted; k++) labels[k] = count + k;
      parent.set(labels, count);
      sizes.fill(1, count, count + wanted);
      count += wanted;
      return labels;
    },
    find,
    union(a, b) {
      const left = find(a);
      const right = find(b);
      if (left === right) return false;
      const [root, child] = sizes[left]! >= sizes[right]! ? [left, right] : [right, left];
      parent[child] = root;
      sizes[root]! += sizes[child]!;
      const lock = locks.get(root) ?? locks.get(child);
      if (lock !== undefined) locks.set(root, lock);
      return true;
    },
    lock(label, lock) {
      const root = find(label);
      if (!locks.has(root)) locks.set(root, lock);
    },
    lockOf: (label) => locks.get(find(label)),
  };
}

function grown(source: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(capacity);
  bigger.set(source);
  return bigger;
}

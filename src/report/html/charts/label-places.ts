/** @file Where names stand beside points so that none covers another; what has to stand further off gets a line. */

export interface LabelledPoint {
  /** In pixels. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Where the text begins, and its middle line. */
export interface LabelPlace {
  readonly text: string;
  readonly left: number;
  readonly middle: number;
  /** From the point to the label; null where they are side by side. */
  readonly leader: {
    readonly x1: number;
    readonly y1: number;
    readonly x2: number;
    readonly y2: number;
  } | null;
}

/** Pixels of a letter and of a line, with some room, and half of a mark. */
const letter = 6.4;
const line = 14;
const half = 6;

/** Distances that are tried, and directions in the order they are preferred. */
const distances = [8, 16, 26, 38, 52, 68, 86, 106, 128];
const directions = Array.from({ length: 16 }, (_, k) => {
  const turn = (k % 2 === 0 ? k / 2 : -(k + 1) / 2) * (Math.PI / 8);
  return [Math.cos(turn), -Math.sin(turn)] as const;
});

/**
 * Places for the names of points, found one after the other: those with the most neighbours first.
 * @param obstacles Other marks that should stay free.
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  obstacles: readonly Pick<LabelledPoint, "x" | "y">[],
  frame: Frame,
): LabelPlace[] {
  const marks = [...points, ...obstacles].map(({ x, y }) => boxAround(x, y));
  const taken: Frame[] = [];
  const places = new Map<LabelledPoint, LabelPlace>();
  for (const point of byNeighbours(points)) {
    const [best] = candidatesOf(point, frame)
      .map((candidate) => ({ ...candidate, cost: candidate.distance + crowding(candidate.box) }))
      .sort((a, b) => a.cost - b.cost);
    taken.push(best!.box);
    places.set(point, best!.place);
  }
  return points.map((point) => places.get(point)!);

  function crowding(box: Frame): number {
    const onMarks = marks.reduce((sum, mark) => sum + overlap(box, mark), 0);
    return 20 * taken.reduce((sum, other) => sum + overlap(box, other), 0) + 8 * onMarks;
  }
}

function byNeighbours(points: readonly LabelledPoint[]): readonly LabelledPoint[] {
  const crowd = (one: LabelledPoint) =>
    points.filter(({ x, y }) => Math.abs(x - one.x) < 90 && Math.abs(y - one.y) < 24).length;
  return [...points].sort((a, b) => crowd(b) - crowd(a) || a.y - b.y || a.x - b.x);
}

function candidatesOf({ x, y, text }: LabelledPoint, frame: Frame) {
  const width = [...text].length * letter;
  return distances.flatMap((distance) =>
    directions.map(([across, down], k) => {
      // the nearest point of the box lies at the distance
      const wantedLeft = x + across * (distance + half / 2) - (width * (1 - across)) / 2;
      const wantedMiddle = y + down * (distance + half / 2) + down * (line / 2);
      const left = Math.max(frame.left, Math.min(frame.right - width, wantedLeft));
      const middle = Math.max(frame.top + line / 2, Math.min(frame.bottom - line / 2, wantedMiddle));
      const box = { left, right: left + width, top: middle - line / 2, bottom: middle + line / 2 };
      const moved = Math.abs(left - wantedLeft) + Math.abs(middle - wantedMiddle);
      const end = { x: Math.max(left, Math.min(left + width, x)), y: middle };
      const isFar = Math.hypot(end.x - x, end.y - y) > 20;
      const leader = isFar ? { x1: x, y1: y, x2: end.x, y2: end.y + Math.sign(y - end.y) * 5 } : null;
      return { distance: distance + k / 4 + moved / 2, box, place: { text, left, middle, leader } };
    }),
  );
}

function boxAround(x: number, y: number): Frame {
  return { left: x - half, right: x + half, top: y - half, bottom: y + half };
}

/** Area that two boxes share. */
function overlap(a: Frame, b: Frame): number {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return across > 0 && down > 0 ? across * down : 0;
}

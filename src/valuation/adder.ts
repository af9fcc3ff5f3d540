/**
 * @file Adds rows of numbers up, four lanes at a time.
 *
 * A sum that walks from coalition to coalition is bound by the speed of one addition over a few thousand numbers, where
 * plain loops take 3 ns a number and these about 0.3. Sums are in whole numbers, so they are exact: it does not matter on
 * which way a coalition was reached.
 */

/** Places are bytes in `buffer`, multiples of 16; lengths are bytes and are rounded up to 16. */
export interface Adder {
  readonly buffer: ArrayBuffer;
  /** `to` += `from`, 32-bit integers. */
  add(to: number, from: number, bytes: number): void;
  /** `to` -= `from`, 32-bit integers. */
  subtract(to: number, from: number, bytes: number): void;
  /** `to` = the integers of `from`, as 32-bit floats, times the floats of `scale`. */
  scale(to: number, from: number, scale: number, bytes: number): void;
  /** `to` += |`from` - `less`|, 32-bit floats. */
  addDistance(to: number, from: number, less: number, bytes: number): void;
  /** `to` = the integers nearest to (`from` - `less`) times `factor`, 32-bit floats; 0 for what is no number. */
  round(to: number, from: number, less: number, factor: number, bytes: number): void;
}

const pageBytes = 65_536;

/** The part of the WebAssembly interface used here, which Node's own types leave out. */
interface WebAssemblyInterface {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (program: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: object } },
  ) => { readonly exports: Functions };
}

/** Reserves memory for sums. It does not grow; make another adder for more. */
export function adderOver(bytes: number): Adder {
  const { Memory, Module, Instance } = (
    globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface }
  ).WebAssembly;
  const memory = new Memory({ initial: Math.ceil(bytes / pageBytes) });
  const { exports: run } = new Instance(new Module(program), { env: { memory } });
  return {
    buffer: memory.buffer,
    add: (to, from, length) => run.add(to, from, to + length),
    subtract: (to, from, length) => run.subtract(to, from, to + length),
    scale: (to, from, scale, length) => run.scale(to, from, scale, to + length),
    addDistance: (to, from, less, length) => run.addDistance(to, from, less, to + length),
    round: (to, from, less, factor, length) => run.round(to, from, less, factor, to + length),
  };
}

// The program in WebAssembly's binary format (core specification 2.0, chapter 5; all numbers below are below 128, where
// a number is its own LEB128).
const i32 = 0x7f;
const get = (local: number): number[] => [0x20, local];
const load = (local: number): number[] => [...get(local), 0xfd, 0x00, 4, 0];
const advance = (local: number): number[] => [...get(local), 0x41, 16, 0x6a, 0x21, local];
const lanes = {
  addIntegers: [0xfd, 0xae, 0x01], // i32x4.add
  subtractIntegers: [0xfd, 0xb1, 0x01], // i32x4.sub
  toFloats: [0xfd, 0xfa, 0x01], // f32x4.convert_i32x4_s
  toIntegers: [0xfd, 0xf8, 0x01], // i32x4.trunc_sat_f32x4_s
  nearest: [0xfd, 0x6a], // f32x4.nearest
  absolute: [0xfd, 0xe0, 0x01], // f32x4.abs
  add: [0xfd, 0xe4, 0x01], // f32x4.add
  subtract: [0xfd, 0xe5, 0x01], // f32x4.sub
  multiply: [0xfd, 0xe6, 0x01], // f32x4.mul
};

/** A function whose last parameter is where its first ends; all others advance with it. */
function overLanes(parameters: number, value: readonly number[]): number[] {
  const last = parameters - 1;
  const places = Array.from({ length: last }, (_, local) => local);
  const step = [...get(0), ...value, 0xfd, 0x0b, 4, 0, ...places.flatMap(advance)]; // v128.store
  const again = [...get(0), ...get(last), 0x49, 0x0d, 0]; // i32.lt_u, br_if
  return sized([0, 0x03, 0x40, ...step, ...again, 0x0b, 0x0b]); // loop … end, end
}

const sized = (bytes: readonly number[]): number[] =>
  bytes.length < 128 ? [bytes.length, ...bytes] : [(bytes.length & 127) | 128, bytes.length >> 7, ...bytes];
const section = (id: number, entries: readonly (readonly number[])[]): number[] => [
  id,
  ...sized([entries.length, ...entries.flat()]),
];
const text = (value: string): number[] => sized([...Buffer.from(value)]);
const signature = (parameters: number): number[] => [
  0x60,
  parameters,
  ...new Array<number>(parameters).fill(i32),
  0,
];

/** Each function's number of parameters and what it stores. */
const functions = {
  add: [3, [...load(0), ...load(1), ...lanes.addIntegers]],
  subtract: [3, [...load(0), ...load(1), ...lanes.subtractIntegers]],
  scale: [4, [...load(1), ...lanes.toFloats, ...load(2), ...lanes.multiply]],
  addDistance: [4, [...load(0), ...load(1), ...load(2), ...lanes.subtract, ...lanes.absolute, ...lanes.add]],
  round: [
    5,
    [
      ...[...load(1), ...load(2), ...lanes.subtract, ...load(3), ...lanes.multiply],
      ...[...lanes.nearest, ...lanes.toIntegers],
    ],
  ],
} as const satisfies Record<string, readonly [parameters: number, value: readonly number[]]>;

type Functions = Readonly<Record<keyof typeof functions, (...places: number[]) => void>>;

const kinds = [3, 4, 5];
const entries = Object.entries(functions);
const program = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, kinds.map(signature)),
  ...section(2, [[...text("env"), ...text("memory"), 2, 0, 0]]),
  ...section(
    3,
    entries.map(([, [parameters]]) => [kinds.indexOf(parameters)]),
  ),
  ...section(
    7,
    entries.map(([name], index) => [...text(name), 0, index]),
  ),
  ...section(
    10,
    entries.map(([, [parameters, value]]) => overLanes(parameters, value)),
  ),
);

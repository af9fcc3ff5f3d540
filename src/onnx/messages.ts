/** @file Small tools for protobuf messages: edited copies, and a walk over all tensors of a model. */
import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProtoSchema } from "onnx-buf";

/**
 * A message with some fields set. Fields that already have the value stay as they are, set or not; everything else the
 * origin holds, unknown fields included, is kept. Without a change the origin itself comes back.
 */
export function edited<S extends DescMessage>(
  schema: S,
  origin: MessageShape<S> | undefined,
  fields: Partial<MessageShape<S>>,
): MessageShape<S> {
  const base = origin ?? create(schema);
  const old = base as Record<string, unknown>;
  const changes = Object.entries(fields).filter(([key, value]) => !isSame(old[key], value));
  if (changes.length === 0) return base;
  return Object.assign(create(schema), base, Object.fromEntries(changes));
}

function isSame(a: unknown, b: unknown): boolean {
  return Array.isArray(a) && Array.isArray(b) ? sameItems<unknown>(a, b) : Object.is(a, b);
}

export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => Object.is(item, b[index]));
}

/** Whether messages of a type can hold messages of another, at any depth. */
export function canHold(outer: DescMessage, inner: DescMessage): boolean {
  const byInner = reachable.get(inner.typeName) ?? new Map<string, boolean>();
  reachable.set(inner.typeName, byInner);
  const known = byInner.get(outer.typeName);
  if (known !== undefined) return known;
  const found = reaches(outer, inner.typeName, new Set());
  byInner.set(outer.typeName, found);
  return found;
}

const reachable = new Map<string, Map<string, boolean>>();

function reaches(outer: DescMessage, inner: string, seen: Set<string>): boolean {
  if (outer.typeName === inner) return true;
  if (seen.has(outer.typeName)) return false;
  seen.add(outer.typeName);
  return outer.fields.some((field) => field.message !== undefined && reaches(field.message, inner, seen));
}

/** A field of a message that holds other messages, with those it holds. */
export function childrenOf(
  schema: DescMessage,
  message: Message,
): { schema: DescMessage; items: Message[] }[] {
  const children: { schema: DescMessage; items: Message[] }[] = [];
  for (const field of schema.fields) {
    if (field.message === undefined || field.oneof !== undefined) continue; // oneofs hold types, never tensors
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    const items = (field.fieldKind === "list" ? value : value === undefined ? [] : [value]) as Message[];
    if (items.length > 0) children.push({ schema: field.message, items });
  }
  return children;
}

/** Every tensor of a model: initializers, attributes, subgraphs, functions, sparse parts, training graphs. */
export function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  yield* tensorsIn(ModelProtoSchema, model);
}

function* tensorsIn(schema: DescMessage, message: Message): Generator<TensorProto> {
  if (schema.typeName === TensorProtoSchema.typeName) {
    yield message as TensorProto;
    return;
  }
  for (const child of childrenOf(schema, message)) {
    if (!canHold(child.schema, TensorProtoSchema)) continue;
    for (const item of child.items) yield* tensorsIn(child.schema, item);
  }
}

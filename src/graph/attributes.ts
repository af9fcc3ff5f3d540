/** @file Typed access to the attributes of a node, with the defaults of the operator. */
import type { Attribute, Node, StoredTensor } from "./model.ts";

export function intAttribute(node: Node, name: string): number | undefined;
export function intAttribute(node: Node, name: string, fallback: number): number;
export function intAttribute(node: Node, name: string, fallback?: number): number | undefined {
  const found = node.attributes.get(name);
  return found?.kind === "int" ? found.value : fallback;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes.get(name);
  return found?.kind === "float" ? found.value : fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const found = node.attributes.get(name);
  return found?.kind === "string" ? found.value : fallback;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const found = node.attributes.get(name);
  return found?.kind === "ints" ? found.value : undefined;
}

export function tensorAttribute(node: Node, name: string): StoredTensor | undefined {
  const found = node.attributes.get(name);
  return found?.kind === "tensor" ? found.value : undefined;
}

/** A copy of the node with some attributes replaced; the others keep their origin. */
export function withAttributes(node: Node, changes: Readonly<Record<string, Attribute>>): Node {
  return { ...node, attributes: new Map([...node.attributes, ...Object.entries(changes)]) };
}

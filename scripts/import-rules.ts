/** @file Which imports are allowed, as plain functions over source text. */
import { posix } from "node:path";
import type { Sources } from "./read-sources.ts";

export interface ImportProblem {
  /** Path below src/. */
  readonly file: string;
  /** What it imports, as written. */
  readonly imports: string;
  readonly rule: string;
}

/**
 * Specifiers a TypeScript file imports: import and export statements (types included), `import("...")` as an expression
 * or a type, and `import "..."`. A scanner, not a parser, which holds for formatted code: statements begin a line, and
 * a comment begins with the first thing on its line.
 */
export function importsOf(text: string): string[] {
  const code = text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, "").replace(/^[ \t]*\/\/.*$/gm, "");
  const statement = /^[ \t]*(?:import|export)\b(?:[^;'"`()]*?\bfrom\b)?\s*["']([^"'\n]+)["']/gm;
  const call = /\bimport\s*\(\s*["'`]([^"'`\n]+)["'`]/g;
  return [...code.matchAll(statement), ...code.matchAll(call)].map((match) => match[1]!);
}

/** Every breach of order, every circle (reported once) and every folder the list does not know. */
export function findProblems(sources: Sources, order: readonly string[]): ImportProblem[] {
  const unlisted = sources.folders
    .filter((folder) => !order.includes(folder))
    .map((folder) => ({
      file: `${folder}/`,
      imports: "-",
      rule: "the folder is missing from scripts/import-order.json",
    }));
  const problems: ImportProblem[] = [...unlisted];
  const edges = new Map<string, string[]>();
  for (const [file, text] of sources.files) {
    const targets: string[] = [];
    for (const specifier of importsOf(text).filter((name) => name.startsWith("."))) {
      const target = posix.join(posix.dirname(file), specifier);
      const rule = ruleBroken(file, target, sources, order);
      if (rule !== undefined) problems.push({ file, imports: specifier, rule });
      targets.push(target);
    }
    edges.set(file, targets);
  }
  return [...problems, ...circles(edges)];
}

function ruleBroken(
  file: string,
  target: string,
  sources: Sources,
  order: readonly string[],
): string | undefined {
  if (target.startsWith("../"))
    return target === "../package.json" ? undefined : "src/ imports nothing outside src/";
  if (!sources.files.has(target))
    return "no such source file (imports name the file with its .ts ending; tests are not for import)";
  if (!file.includes("/")) return undefined; // src/index.ts stands above all folders
  if (!target.includes("/")) return "src/index.ts stands above all folders and is imported by none";
  const [from, to] = [file, target].map((path) => path.slice(0, path.indexOf("/")));
  if (order.indexOf(to!) <= order.indexOf(from!)) return undefined;
  return `${from}/ may import only from itself and from folders above it in import-order.json; ${to}/ is below`;
}

/** Depth-first search; an edge back into the current path closes a circle. */
function circles(edges: ReadonlyMap<string, readonly string[]>): ImportProblem[] {
  const found: ImportProblem[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (done.has(file)) return;
    path.push(file);
    for (const target of edges.get(file) ?? []) {
      const start = path.indexOf(target);
      if (start < 0) visit(target);
      else
        found.push({
          file,
          imports: target,
          rule: `closes a circle: ${[...path.slice(start), target].join(" -> ")}`,
        });
    }
    path.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return found;
}

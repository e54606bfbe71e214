import { getNodeValue, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Node as JsonNode, ParseError } from "jsonc-parser";
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Node as YamlNode } from "yaml";
import { isRecord } from "../lib/guards.ts";
import { pathText } from "./problem.ts";
import type { ConfigProblem, KeyPath } from "./problem.ts";

/** A configuration file's content: the values as written, and the 1-based line of each key path. */
export interface ParsedFile {
  readonly value: Readonly<Record<string, unknown>>;
  readonly lines: ReadonlyMap<string, number>;
}

/** What one reading of a file gathers. */
interface Reading {
  readonly file: string;
  readonly lines: Map<string, number>;
  readonly problems: ConfigProblem[];
}

const MAX_ALIASES = 100;

/**
 * Parses the text of a configuration file: YAML 1.2 with merge keys, or JSON with comments and trailing commas. A key
 * that is written twice is a problem: policy and use might read different ones.
 *
 * @param file Name as it is told to people; its ending decides the format.
 * @returns The content, or every problem that was found.
 */
export function parseConfigText(
  text: string,
  file: string,
): ParsedFile | { readonly problems: readonly ConfigProblem[] } {
  const reading: Reading = { file, lines: new Map(), problems: [] };
  const source = text.replace(/^\uFEFF/u, "");
  const value = /\.jsonc?$/iu.test(file) ? parseJsonc(source, reading) : parseYaml(source, reading);
  if (reading.problems.length > 0) return { problems: reading.problems };
  if (value === null || value === undefined) return { value: {}, lines: reading.lines };
  if (isRecord(value)) return { value, lines: reading.lines };
  const kind = Array.isArray(value) ? "a list" : typeof value;
  report(
    reading,
    1,
    [],
    `its content must be an object with keys, and is ${kind}. Write keys such as \`mcpServers:\`.`,
  );
  return { problems: reading.problems };
}

function report({ file, problems }: Reading, line: number, path: KeyPath, reason: string): void {
  problems.push({ message: `Cannot read ${file}:${line} as ${reason}`, key: pathText(path), file, line });
}

/** Checks and remembers one key of an object. */
function visitKey(reading: Reading, key: string, path: KeyPath, line: number): void {
  if (key === "__proto__") report(reading, line, path, "`__proto__` cannot be a key. Rename it.");
  const text = pathText(path);
  const first = reading.lines.get(text);
  if (first === undefined) reading.lines.set(text, line);
  else report(reading, line, path, `${text} is there already, on line ${first}. Keep one of them.`);
}

function parseJsonc(text: string, reading: Reading): unknown {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const lineOf = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  for (const { error, offset } of errors) {
    const what = printParseErrorCode(error)
      .replaceAll(/(?<=[a-z])(?=[A-Z])/gu, " ")
      .toLowerCase();
    report(reading, lineOf(offset), [], `it is not JSON: ${what}. Mend the text there.`);
  }
  if (root === undefined || errors.length > 0) return undefined;
  const walk = (node: JsonNode, path: KeyPath): void => {
    for (const [index, child] of (node.children ?? []).entries()) {
      const [keyNode, valueNode] = child.children ?? [];
      if (node.type === "array") walk(child, [...path, index]);
      else if (keyNode !== undefined) {
        const key = String(keyNode.value);
        visitKey(reading, key, [...path, key], lineOf(keyNode.offset));
        if (valueNode !== undefined) walk(valueNode, [...path, key]);
      }
    }
  };
  walk(root, []);
  return getNodeValue(root) as unknown;
}

function parseYaml(text: string, reading: Reading): unknown {
  const counter = new LineCounter();
  const document = parseDocument(text, { merge: true, uniqueKeys: false, lineCounter: counter, prettyErrors: false });
  const lineOf = (node: YamlNode): number => counter.linePos(node.range?.[0] ?? 0).line;
  for (const error of document.errors) {
    report(reading, counter.linePos(error.pos[0]).line, [], `it is not YAML: ${error.message}. Mend the text there.`);
  }
  if (document.errors.length > 0) return undefined;
  const walk = (node: unknown, path: KeyPath): void => {
    if (isSeq<YamlNode>(node)) for (const [index, item] of node.items.entries()) walk(item, [...path, index]);
    if (!isMap<YamlNode, YamlNode>(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) report(reading, lineOf(key), path, "a key must be text. Write the key as one word.");
      else if (key.value === "<<") continue;
      else {
        const name = String(key.value);
        visitKey(reading, name, [...path, name], lineOf(key));
        walk(value, [...path, name]);
      }
    }
  };
  walk(document.contents, []);
  if (reading.problems.length > 0) return undefined;
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : "it has no value";
    report(reading, 1, [], `its aliases cannot be resolved: ${why}. Write the values out.`);
    return undefined;
  }
}

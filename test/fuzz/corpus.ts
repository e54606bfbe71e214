import { readFileSync } from "node:fs";
import { parse } from "acorn";
import type { Node } from "acorn";
import { full } from "acorn-walk";
import { RUNTIME_ATTACKS } from "../security/runtime-attacks.ts";

/** A part of a program's text that can be taken out or put somewhere else. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly kind: "statement" | "expression";
}

/** A program that is there already, and its parts; none when it does not parse. */
export interface Source {
  readonly text: string;
  readonly parts: readonly Part[];
}

const FILES = ["hostile-corpus.json", "hostile-corpus-2.json", "model-scripts.json"];

/** Scripts that attack and scripts that models wrote: what random programs are bred from. */
export function readCorpus(): readonly Source[] {
  const texts = FILES.flatMap((file) =>
    textsOf(readFileSync(new URL(`../fixtures/data/${file}`, import.meta.url), "utf8")),
  );
  return [...texts, ...RUNTIME_ATTACKS.map(({ code }) => code)].map(toSource);
}

/** Finds a program's parts. */
export function toSource(text: string): Source {
  return { text, parts: partsOf(text) };
}

/** The parts of a program, the larger ones first; none when it does not parse. */
export function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  const tree = parsed(text);
  if (tree === undefined) return parts;
  full(tree, ({ type, start, end }) => {
    if (end === start || type === "Program") return;
    const isStatement = /Statement$|Declaration$/u.test(type);
    const isExpression = /Expression$|Literal$/u.test(type) || type === "Identifier";
    if (isStatement || isExpression) parts.push({ start, end, kind: isStatement ? "statement" : "expression" });
  });
  return parts.sort((a, b) => b.end - b.start - (a.end - a.start));
}

/** Whether a text is the body of an async function. */
export function isProgram(text: string): boolean {
  return parsed(text) !== undefined;
}

function parsed(text: string): Node | undefined {
  try {
    return parse(text, OPTIONS);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const OPTIONS = {
  ecmaVersion: "latest",
  sourceType: "script",
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
} as const;

function textsOf(json: string): readonly string[] {
  const cases = JSON.parse(json) as readonly { readonly code?: string; readonly script?: string }[];
  return cases
    .flatMap(({ code, script }) => code ?? script ?? [])
    .filter((text) => text.length > 0 && text.length < 20_000);
}

import { SourceMap } from "node:module";
import { isRecord } from "../lib/guards.ts";
import { BODY_PREFIX } from "./body-wrapper.ts";
import { createLineTable } from "./source-position.ts";
import type { TransformReply } from "./transpile.ts";

/** How a stretch was rewritten: plain data that threads can hand to each other. */
export interface Rewrite {
  readonly reply: Extract<TransformReply, { status: "ok" }>;
  /** Where the body begins in the reply's code. */
  readonly start: number;
  /** What was rewritten. */
  readonly original: string;
}

/** A stretch of the caller's text as JavaScript, with the way back to offsets in the stretch. */
export interface ReadableText {
  readonly text: string;
  /** `undefined` for a text in which every place is where it was. */
  readonly rewrite: Rewrite | undefined;
  toOriginal(offset: number): number | undefined;
}

/** A text that stands as it was written, or with parts blanked. */
export function unmoved(text: string): ReadableText {
  return { text, rewrite: undefined, toOriginal: (offset) => offset };
}

/** A rewritten script, from the begin of its body to `end`. */
export function rewritten(rewrite: Rewrite, end: number): ReadableText {
  const { reply, start } = rewrite;
  return { text: reply.code.slice(start, end), rewrite, toOriginal: createWayBack(rewrite) };
}

/** From offsets in a rewritten body to offsets in what was rewritten, through the source map, which is read when it is needed. */
export function createWayBack({ reply, start, original }: Rewrite): ReadableText["toOriginal"] {
  let locate: ((offset: number) => number | undefined) | undefined;
  return (offset) => (locate ??= createLocator(reply, original))(offset + start);
}

function createLocator(
  { code, map, shift }: Extract<TransformReply, { status: "ok" }>,
  original: string,
): (offset: number) => number | undefined {
  const payload: unknown = JSON.parse(map);
  if (!isRecord(payload)) return () => undefined;
  const sourceMap = new SourceMap(payload as unknown as ConstructorParameters<typeof SourceMap>[0]);
  const generated = createLineTable(code, "script");
  const source = createLineTable(shift === 0 ? original : BODY_PREFIX + original, "script");
  return (offset) => {
    const { line, column } = generated.toPosition(offset);
    const entry = sourceMap.findEntry(line - 1, column - 1);
    if (!("originalLine" in entry)) return undefined;
    const at = source.toOffset({ line: entry.originalLine + 1, column: entry.originalColumn + 1 });
    return at === undefined || at < shift ? undefined : Math.min(at - shift, original.length);
  };
}

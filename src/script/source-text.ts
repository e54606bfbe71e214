import { SourceMap } from "node:module";
import { isRecord } from "../lib/guards.ts";
import { BODY_PREFIX } from "./body-wrapper.ts";
import { createLineTable } from "./source-position.ts";
import type { TransformReply } from "./transpile.ts";

/** A stretch of the caller's text as JavaScript, with the way back to offsets in the stretch. */
export interface ReadableText {
  readonly text: string;
  toOriginal(offset: number): number | undefined;
}

/** A text that stands as it was written, or with parts blanked. */
export function unmoved(text: string): ReadableText {
  return { text, toOriginal: (offset) => offset };
}

/**
 * The body inside of a rewritten script, mapped back through its source map.
 *
 * @param body Where the body is in the reply's code.
 * @param original The text that was rewritten.
 */
export function rewritten(
  reply: Extract<TransformReply, { status: "ok" }>,
  body: { readonly start: number; readonly end: number },
  original: string,
): ReadableText {
  let locate: ((offset: number) => number | undefined) | undefined;
  return {
    text: reply.code.slice(body.start, body.end),
    toOriginal(offset) {
      locate ??= createLocator(reply, original);
      return locate(offset + body.start);
    },
  };
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

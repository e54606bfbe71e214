import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { Thread, threadModule } from "../lib/thread.ts";
import type { Asker } from "../lib/thread.ts";

/** What the thread is asked; one question at a time. */
export interface TranspileRequest {
  readonly kind: "strip" | "transform";
  readonly text: string;
}

/** `unsupported`: TypeScript that must be rewritten, not erased. `broken`: the parser did not survive the text. */
export type StripReply =
  | { readonly status: "ok"; readonly code: string }
  | { readonly status: "invalid" | "unsupported" | "broken" };

/** A syntax error; 1-based, columns in UTF-16 units, lines as V8 counts them. */
export interface TransformProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** The text is one of JSX, and this is where its first element stands. */
  readonly isJsx?: true;
}

/** `shift`: units put before the text, as a wrapper around it, which `code` and `map` still have. */
export type TransformReply =
  | { readonly status: "ok"; readonly code: string; readonly map: string; readonly shift: number }
  | { readonly status: "invalid"; readonly problem: TransformProblem }
  | { readonly status: "broken" };

/**
 * Turns TypeScript into JavaScript. Texts are taken one at a time, owners take turns; a text that breaks the parser harms no other.
 * Rejects with the signal's reason when it aborts before a text has its turn.
 */
export interface Transpiler {
  /** Erases types: same length, same lines. Rejects never for what the text is. */
  strip(text: string, asker?: Asker): Promise<StripReply>;
  /** Rewrites enums, namespaces and the like, with a source map. Only for texts that `strip` has read to its end or error. */
  transform(text: string, asker?: Asker): Promise<TransformReply>;
  /** Ends the thread. Safe to call twice; a later use starts another. */
  close(): Promise<void>;
}

/** Options of a transpiler. */
export interface TranspilerOptions {
  readonly clock: Clock;
  /** For one text, the start of the thread included. 1 MiB of TypeScript takes some 160 ms. */
  readonly timeoutMs: number;
}

/**
 * Makes a transpiler whose parsers run in a thread that is started on first use, does not keep the process alive, and is
 * replaced when a text breaks it or takes too long.
 */
export function createTranspiler({ clock, timeoutMs }: TranspilerOptions): Transpiler {
  const thread = new Thread<TranspileRequest, StripReply | TransformReply>({
    entry: threadModule("./transpile-worker", import.meta.url),
    name: "runlet-transpile",
    // A parser that did not survive a text may never be right again.
    isLast: ({ status }) => status === "broken",
    clock,
  });
  const ask = async <T extends StripReply | TransformReply>(request: TranspileRequest, asker?: Asker): Promise<T> =>
    ((await thread.ask(request, timeoutMs, asker)) ?? { status: "broken" }) as T;
  return {
    strip: (text, asker) => ask<StripReply>({ kind: "strip", text }, asker),
    transform: (text, asker) => ask<TransformReply>({ kind: "transform", text }, asker),
    close: () => thread.close(),
  };
}

/** The transpiler of this process. */
export const sharedTranspiler: Transpiler = createTranspiler({ clock: systemClock, timeoutMs: 3_000 });

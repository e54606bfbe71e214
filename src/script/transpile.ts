import { Worker } from "node:worker_threads";
import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";

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

/** Turns TypeScript into JavaScript. Texts are taken one at a time; a text that breaks the parser harms no other. */
export interface Transpiler {
  /** Erases types: same length, same lines. Rejects never for what the text is. */
  strip(text: string): Promise<StripReply>;
  /** Rewrites enums, namespaces and the like, with a source map. Only for texts that `strip` has read to its end or error. */
  transform(text: string): Promise<TransformReply>;
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
  let worker: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const close = async (): Promise<void> => {
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  };

  const startThread = (): Worker => {
    const thread = startWorker();
    const forget = (): void => {
      if (worker === thread) worker = undefined;
    };
    // One that dies between two texts, when nobody waits for it, is replaced at the next one.
    thread.on("error", forget);
    thread.on("exit", forget);
    return thread;
  };

  const ask = async <T extends StripReply | TransformReply>(request: TranspileRequest): Promise<T> => {
    worker ??= startThread();
    const reply = await exchange<T>(worker, request, clock, timeoutMs);
    if (reply !== undefined && reply.status !== "broken") return reply;
    await close();
    return { status: "broken" } as T;
  };

  const queued = <T extends StripReply | TransformReply>(request: TranspileRequest): Promise<T> => {
    const answer = last.then(() => ask<T>(request));
    last = answer.catch(() => undefined);
    return answer;
  };

  return {
    strip: (text) => queued<StripReply>({ kind: "strip", text }),
    transform: (text) => queued<TransformReply>({ kind: "transform", text }),
    close,
  };
}

/** The transpiler of this process. */
export const sharedTranspiler: Transpiler = createTranspiler({ clock: systemClock, timeoutMs: 3_000 });

function startWorker(): Worker {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./transpile-worker.${extension}`, import.meta.url), {
    // Neither the parsers nor esbuild's process need the service's environment or flags.
    env: {},
    execArgv: ["--disable-warning=ExperimentalWarning"],
    name: "runlet-transpile",
  });
  worker.unref();
  return worker;
}

/** @returns `undefined` when the thread ended, failed or took too long. */
function exchange<T>(
  worker: Worker,
  request: TranspileRequest,
  clock: Clock,
  timeoutMs: number,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const finish = (reply: T | undefined): void => {
      timer.cancel();
      worker.off("message", finish);
      worker.off("error", onEnd);
      worker.off("exit", onEnd);
      worker.unref();
      resolve(reply);
    };
    const onEnd = (): void => finish(undefined);
    const timer = clock.after(timeoutMs, onEnd);
    worker.on("message", finish);
    worker.on("error", onEnd);
    worker.on("exit", onEnd);
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(request);
  });
}

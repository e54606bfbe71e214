// A thread of its own, because both parsers can be made to hang or to break for good by a text of a few hundred bytes.
import { stripTypeScriptTypes } from "node:module";
import { parentPort } from "node:worker_threads";
import { stop, transform } from "esbuild";
import type { TransformFailure } from "esbuild";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import type { StripReply, TranspileRequest, TransformReply } from "./transpile.ts";

type Rewrite = TransformReply & { readonly aboutReturn?: boolean };

/** What may be around a text: nothing, a function in which `return` is allowed, parentheses that make it an expression. */
const WRAPPERS: readonly (readonly [before: string, after: string])[] = [
  ["", ""],
  [BODY_PREFIX, BODY_SUFFIX],
  ["(", "\n)"],
];

/** Erases types in place. */
function strip(text: string): StripReply {
  for (const [before, after] of WRAPPERS) {
    const reply = stripOnce(before + text + after);
    if (reply.status === "ok")
      return { status: "ok", code: reply.code.slice(before.length, before.length + text.length) };
    if (reply.status !== "invalid") return reply;
  }
  return { status: "invalid" };
}

function stripOnce(text: string): StripReply {
  try {
    const code = stripTypeScriptTypes(text, { mode: "strip" });
    return code.length === text.length ? { status: "ok", code } : { status: "unsupported" };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_INVALID_TYPESCRIPT_SYNTAX") return { status: "invalid" };
    if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") return { status: "unsupported" };
    return { status: "broken" };
  }
}

/** Rewrites what cannot be erased. esbuild's process is ended after each text: it is rarely needed. */
async function rewrite(text: string): Promise<TransformReply> {
  try {
    const first = await rewriteOnce(text, 0);
    if (first.status !== "invalid") return first;
    const second = await rewriteOnce(BODY_PREFIX + text + BODY_SUFFIX, BODY_PREFIX.length);
    if (second.status !== "invalid") return second;
    // Only `return` needs the function around it; any other fault is told best without.
    return first.aboutReturn === true ? second : first;
  } finally {
    await stop();
  }
}

async function rewriteOnce(text: string, shift: number): Promise<Rewrite> {
  try {
    const { code, map } = await transform(text, {
      loader: "ts",
      target: "esnext",
      supported: { decorators: false },
      sourcemap: "external",
      sourcesContent: false,
      charset: "utf8",
      logLevel: "silent",
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    });
    return { status: "ok", code, map, shift };
  } catch (error) {
    return (isTransformFailure(error) ? readProblem(error, shift) : undefined) ?? { status: "broken" };
  }
}

function isTransformFailure(error: unknown): error is TransformFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

function readProblem(failure: TransformFailure, shift: number): Rewrite | undefined {
  const [first] = failure.errors;
  const location = first?.location;
  if (first === undefined || location === null || location === undefined) return undefined;
  // esbuild counts columns in bytes.
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString().length;
  const column = before + 1 - (location.line === 1 ? shift : 0);
  const aboutReturn = location.lineText.startsWith("return", before);
  return { status: "invalid", problem: { message: first.text, line: location.line, column }, aboutReturn };
}

function reply(answer: StripReply | TransformReply): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer);
}

parentPort?.on("message", (request: TranspileRequest) => {
  if (request.kind === "strip") reply(strip(request.text));
  else void rewrite(request.text).then(reply, () => reply({ status: "broken" }));
});

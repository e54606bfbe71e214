// A thread of its own, because both parsers can be made to hang or to break for good by a text of a few hundred bytes.
import { stripTypeScriptTypes } from "node:module";
import { parentPort } from "node:worker_threads";
import { stop, transform } from "esbuild";
import type { TransformFailure } from "esbuild";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import type { StripReply, TranspileRequest, TransformProblem, TransformReply } from "./transpile.ts";

/** Erases types in place. The text is tried as a module, then as a function's body, where `return` is allowed. */
function strip(text: string): StripReply {
  const first = stripOnce(text);
  if (first.status !== "invalid") return first;
  const second = stripOnce(BODY_PREFIX + text + BODY_SUFFIX);
  if (second.status !== "ok") return second;
  return { status: "ok", code: second.code.slice(BODY_PREFIX.length, -BODY_SUFFIX.length) };
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
    return { status: "invalid", problem: further(first.problem, second.problem) };
  } finally {
    await stop();
  }
}

async function rewriteOnce(text: string, shift: number): Promise<TransformReply> {
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
    const problem = isTransformFailure(error) ? readProblem(error, shift) : undefined;
    return problem === undefined ? { status: "broken" } : { status: "invalid", problem };
  }
}

function isTransformFailure(error: unknown): error is TransformFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

function readProblem(failure: TransformFailure, shift: number): TransformProblem | undefined {
  const [first] = failure.errors;
  const location = first?.location;
  if (first === undefined || location === null || location === undefined) return undefined;
  // esbuild counts columns in bytes.
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString().length;
  return { message: first.text, line: location.line, column: before + 1 - (location.line === 1 ? shift : 0) };
}

function further(a: TransformProblem, b: TransformProblem): TransformProblem {
  return b.line > a.line || (b.line === a.line && b.column > a.column) ? b : a;
}

function reply(answer: StripReply | TransformReply): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer);
}

parentPort?.on("message", (request: TranspileRequest) => {
  if (request.kind === "strip") reply(strip(request.text));
  else void rewrite(request.text).then(reply, () => reply({ status: "broken" }));
});

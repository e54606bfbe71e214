import { SourceMap, stripTypeScriptTypes } from "node:module";
import { stop, transform } from "esbuild";
import type { TransformFailure, TransformOptions } from "esbuild";
import { BODY_PREFIX, BODY_SUFFIX } from "./body-wrapper.ts";
import type { StripReply, TransformProblem, TransformReply } from "./transpile.ts";

type Rewrite = TransformReply & { readonly aboutReturn?: boolean };

/** What may be around a text: nothing, a function in which `return` is allowed, parentheses that make it an expression. */
type Wrapper = readonly [before: string, after: string];
const NOTHING: Wrapper = ["", ""];
const FUNCTION: Wrapper = [BODY_PREFIX, BODY_SUFFIX];
const PARENTHESES: Wrapper = ["(", "\n)"];

/** The wrappers to try, the likeliest first: a failed try costs more than one that goes well. */
function wrappersFor(text: string): readonly Wrapper[] {
  const isModule = text.includes("import") || text.includes("export");
  return isModule ? [NOTHING, FUNCTION, PARENTHESES] : [FUNCTION, NOTHING, PARENTHESES];
}

const OPTIONS = {
  target: "esnext",
  supported: { decorators: false },
  sourcemap: "external",
  sourcesContent: false,
  charset: "utf8",
  logLevel: "silent",
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
} as const satisfies TransformOptions;

/** Erases types in place. For threads that may be ended: a text can make it hang, or break it for good. */
export function eraseTypes(text: string): StripReply {
  for (const [before, after] of wrappersFor(text)) {
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

/**
 * Rewrites what cannot be erased. esbuild's process is ended after each text: it is rarely needed. Never rejects; one text at a
 * time, for threads that may be ended.
 */
export async function rewriteTypes(text: string): Promise<TransformReply> {
  try {
    const first = await rewriteOnce(text, 0);
    if (first.status !== "invalid") return first;
    const second = await rewriteOnce(BODY_PREFIX + text + BODY_SUFFIX, BODY_PREFIX.length);
    if (second.status !== "invalid") return second;
    const jsx = await findJsx(text);
    if (jsx !== undefined) return { status: "invalid", problem: jsx };
    // Only `return` needs the function around it; any other fault is told best without.
    return first.aboutReturn === true ? second : first;
  } catch {
    // Whatever esbuild's process did: nothing is known of the text.
    return { status: "broken" };
  } finally {
    await stop();
  }
}

async function rewriteOnce(text: string, shift: number): Promise<Rewrite> {
  try {
    const { code, map } = await transform(text, { ...OPTIONS, loader: "ts" });
    return { status: "ok", code, map, shift };
  } catch (error) {
    return (isTransformFailure(error) ? readProblem(error, shift) : undefined) ?? { status: "broken" };
  }
}

/** Where the first element of JSX stands, when the text parses with it and not without. */
async function findJsx(text: string): Promise<TransformProblem | undefined> {
  const factory = "$runlet_element";
  if (!text.includes("</") && !text.includes("/>")) return undefined;
  try {
    const { code, map } = await transform(BODY_PREFIX + text + BODY_SUFFIX, {
      ...OPTIONS,
      loader: "tsx",
      jsxFactory: factory,
    });
    const at = code.indexOf(`${factory}(`);
    if (at === -1) return undefined;
    const before = code.slice(0, at).split("\n");
    const payload: unknown = JSON.parse(map);
    const sourceMap = new SourceMap(payload as ConstructorParameters<typeof SourceMap>[0]);
    const entry = sourceMap.findEntry(before.length - 1, before.at(-1)?.length ?? 0);
    if (!("originalLine" in entry)) return undefined;
    const { originalLine, originalColumn } = entry;
    const column = originalColumn + 1 - (originalLine === 0 ? BODY_PREFIX.length : 0);
    return { message: "Scripts have no JSX", line: originalLine + 1, column, isJsx: true };
  } catch (error) {
    if (isTransformFailure(error)) return undefined;
    throw error;
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

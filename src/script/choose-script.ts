import { BODY_PREFIX } from "./body-wrapper.ts";
import { findFences } from "./fences.ts";
import { parseScript } from "./parse.ts";
import type { ScriptTree, SyntaxProblem } from "./parse.ts";
import { scanScript } from "./scan.ts";
import { createLineTable } from "./source-position.ts";
import { rewritten, unmoved } from "./source-text.ts";
import type { ReadableText } from "./source-text.ts";
import { syntaxError } from "./syntax-error.ts";
import type { TransformReply, Transpiler } from "./transpile.ts";

/** The script that was found in a caller's text. */
export interface ChosenScript {
  /** Offset in the caller's text. */
  readonly start: number;
  readonly tree: ScriptTree;
  /** What was parsed, with the way back to offsets from `start`. */
  readonly readable: ReadableText;
  /** Whether line breaks are where the caller has them. */
  readonly sameLines: boolean;
}

interface Candidate {
  readonly start: number;
  readonly text: string;
}

/** Each costs the transpiler's thread up to its time limit. */
const MAX_TYPESCRIPT_TRIES = 8;

/**
 * Finds the script in a text: the text itself when it parses, else the first fenced block that does. A fence between
 * statements would parse too, as an empty template literal with another as its argument: that is no script.
 *
 * @throws SCRIPT_SYNTAX about the whole text or, when it has fenced blocks, about the largest of them.
 */
export async function chooseScript(text: string, transpiler: Transpiler): Promise<ChosenScript> {
  const { blocks, markers } = findFences(text);
  const fenced = blocks.map((block): Candidate => ({ start: block.start, text: text.slice(block.start, block.end) }));
  const opensWithFence = markers[0] !== undefined && text.slice(0, markers[0]).trim() === "";
  const candidates = opensWithFence && fenced.length > 0 ? fenced : [{ start: 0, text }, ...fenced];
  const filled = candidates.filter((candidate) => candidate.text.trim() !== "");
  let tries = 0;
  for (const candidate of filled.length > 0 ? filled : candidates) {
    const script = plainScript(candidate);
    const direct = tryText(text, candidate, script, markers);
    if (direct !== undefined) return direct;
    if (tries++ >= MAX_TYPESCRIPT_TRIES) continue;
    const reply = await transpiler.strip(script);
    if (reply.status === "broken") throw unreadable(text, candidate);
    if (reply.status === "unsupported") return rewriteScript(text, candidate, transpiler);
    const stripped = reply.status === "ok" ? tryText(text, candidate, reply.code, markers) : undefined;
    if (stripped !== undefined) return stripped;
  }
  // Of several fences, the first candidate is all of them together.
  const blamable = fenced.length === 0 ? candidates : opensWithFence && fenced.length > 1 ? fenced.slice(1) : fenced;
  const blamed = blamable.reduce((a, b) => (b.text.length > a.text.length ? b : a));
  return rewriteScript(text, blamed, transpiler);
}

/** A shebang line would not be one inside of a function. */
function plainScript({ text }: Candidate): string {
  return text.startsWith("#!") ? `//${text.slice(2)}` : text;
}

/** @throws SCRIPT_SYNTAX when the text cannot be read to its end at all. */
function tryText(
  source: string,
  { start }: Candidate,
  text: string,
  markers: readonly number[],
): ChosenScript | undefined {
  const parsed = parseScript(text);
  if (!parsed.ok) {
    if (parsed.problem.tooDeep === true) throw syntaxError(source, { ...parsed.problem, offset: start });
    return undefined;
  }
  const { tree } = parsed;
  const fenceLike = markers.length === 0 ? undefined : scanScript(tree).fenceLike;
  if (markers.some((marker) => fenceLike?.has(marker - start + BODY_PREFIX.length))) return undefined;
  return { start, tree, readable: unmoved(text), sameLines: true };
}

/** The last resort: rewrites what cannot be erased, or says why the text is no script. */
async function rewriteScript(source: string, candidate: Candidate, transpiler: Transpiler): Promise<ChosenScript> {
  const text = plainScript(candidate);
  const reply = await transpiler.transform(text);
  switch (reply.status) {
    case "broken":
      throw unreadable(source, candidate);
    case "invalid": {
      const { message, line, column } = reply.problem;
      const offset = createLineTable(text, "script").toOffset({ line, column }) ?? text.length;
      throw syntaxError(source, { message, offset: candidate.start + offset });
    }
    case "ok": {
      const readable = readRewritten(reply, text);
      const parsed = readable === undefined ? undefined : parseScript(readable.text);
      if (readable !== undefined && parsed?.ok === true) {
        return { start: candidate.start, tree: parsed.tree, readable, sameLines: false };
      }
      throw syntaxError(source, offsetBy(plainProblem(text), candidate.start));
    }
    default:
      return reply satisfies never;
  }
}

function readRewritten(reply: Extract<TransformReply, { status: "ok" }>, text: string): ReadableText | undefined {
  if (reply.shift === 0) return rewritten(reply, { start: 0, end: reply.code.length }, text);
  const parsed = parseScript(reply.code);
  const statement = parsed.ok && parsed.tree.statements.length === 1 ? parsed.tree.statements[0] : undefined;
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "ArrowFunctionExpression")
    return undefined;
  const { body } = statement.expression;
  return rewritten(reply, { start: body.start + 1 - BODY_PREFIX.length, end: body.end - 1 - BODY_PREFIX.length }, text);
}

function plainProblem(text: string): SyntaxProblem {
  const parsed = parseScript(text);
  return parsed.ok ? { message: "Unexpected token", offset: 0 } : parsed.problem;
}

function offsetBy(problem: SyntaxProblem, start: number): SyntaxProblem {
  return { ...problem, offset: problem.offset + start };
}

function unreadable(source: string, { start }: Candidate): Error {
  const message = "it is nested too deeply, or too ambiguous, to be read as TypeScript";
  return syntaxError(source, { message, offset: start, tooDeep: true });
}

import { BODY_PREFIX } from "./body-wrapper.ts";
import { findFences } from "./fences.ts";
import { findProblem, parseScript, TOO_DEEP } from "./parse.ts";
import type { ScriptTree, SyntaxProblem } from "./parse.ts";
import { isProse } from "./prose.ts";
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
  /** What was parsed with its types, where they could be erased: each place of the one is the same place of the other. */
  readonly typed: string;
  readonly language: "js" | "ts";
  /** What was parsed, with the way back to offsets from `start`. */
  readonly readable: ReadableText;
  /** Whether line breaks are where the caller has them. */
  readonly sameLines: boolean;
}

/** A transpiler as the owner of one text uses it. */
export type OwnTranspiler = Pick<Transpiler, "strip" | "transform">;

interface Candidate {
  readonly start: number;
  readonly text: string;
}

/** What a text is as JavaScript. `isProse`: it is no TypeScript either. */
type Attempt = { readonly script: ChosenScript } | { readonly script: undefined; readonly isProse: boolean };

/** Readings of one text that are tried at most: nobody writes so many fences, and each may be all that is left of the text. */
const MAX_TRIES = 200;
/** Each costs the transpiler's thread up to its time limit. */
const MAX_TYPESCRIPT_TRIES = 8;

const JSX_HINT = "Return data, or text made with template literals.";
/** Reasoning that some models write before their answer; a script cannot begin so. */
const REASONING = /^\s*<(?<tag>think|thinking|reasoning)>[^]*?<\/\k<tag>>/iu;

/**
 * Finds the script in a text: the text itself when it parses, else the first fenced block that does. A fence between
 * statements would parse too, as an empty template literal with another as its argument: that is no script. Reasoning
 * before the answer is passed over, whatever it holds.
 *
 * @throws SCRIPT_SYNTAX about the whole text or, when it has fenced blocks, about the largest of them.
 */
export async function chooseScript(source: string, transpiler: OwnTranspiler): Promise<ChosenScript> {
  const answerAt = REASONING.exec(source)?.[0].length ?? 0;
  const answer = source.slice(answerAt);
  const fences = findFences(answer);
  const markers = fences.markers.map((marker) => marker + answerAt);
  const fenced = fences.blocks.map((block): Candidate => ({
    start: block.start + answerAt,
    text: answer.slice(block.start, block.end),
  }));
  const opensWithFence = markers[0] !== undefined && source.slice(answerAt, markers[0]).trim() === "";
  const whole: Candidate = { start: answerAt, text: answer };
  const candidates = opensWithFence && fenced.length > 0 ? fenced : [whole, ...fenced];
  const filled = candidates.filter((candidate) => candidate.text.trim() !== "").slice(0, MAX_TRIES);
  let tries = 0;
  for (const candidate of filled.length > 0 ? filled : candidates) {
    const script = plainScript(candidate);
    const direct = tryText(source, candidate, script, markers);
    if (direct.script !== undefined) return direct.script;
    if (direct.isProse || tries++ >= MAX_TYPESCRIPT_TRIES) continue;
    const reply = await transpiler.strip(script);
    if (reply.status === "broken") throw unreadable(source, candidate);
    if (reply.status === "unsupported") return rewriteScript(source, candidate, markers, transpiler);
    const stripped = reply.status === "ok" ? tryText(source, candidate, reply.code, markers).script : undefined;
    if (stripped !== undefined) return { ...stripped, typed: script, language: "ts" };
  }
  return rewriteScript(source, blamedOf(fenced) ?? whole, markers, transpiler);
}

/** The largest fence; of several readings of one, the shortest counts: the others hold what follows it, too. */
function blamedOf(fenced: readonly Candidate[]): Candidate | undefined {
  const shortest = new Map<number, Candidate>();
  for (const candidate of fenced) {
    const known = shortest.get(candidate.start);
    if (known === undefined || candidate.text.length < known.text.length) shortest.set(candidate.start, candidate);
  }
  let largest: Candidate | undefined;
  for (const candidate of shortest.values()) {
    if (largest === undefined || candidate.text.length > largest.text.length) largest = candidate;
  }
  return largest;
}

/** A shebang line would not be one inside of a function. */
function plainScript({ text }: Candidate): string {
  return text.startsWith("#!") ? `//${text.slice(2)}` : text;
}

/** @throws SCRIPT_SYNTAX when the text cannot be read to its end at all. */
function tryText(source: string, { start }: Candidate, text: string, markers: readonly number[]): Attempt {
  const parsed = parseScript(text);
  if (!parsed.ok) {
    if (parsed.tooDeep) throw syntaxError(source, { message: TOO_DEEP, offset: start, tooDeep: true });
    return { script: undefined, isProse: isProse(text, parsed.at) };
  }
  const { tree } = parsed;
  const script: ChosenScript = { start, tree, typed: text, language: "js", readable: unmoved(text), sameLines: true };
  const isStray = strayFence(script, text.length, markers) !== undefined;
  return isStray ? { script: undefined, isProse: false } : { script };
}

/** Offset of a fence that a script was read with as if it were code: a template literal, or `~` three times. */
function strayFence(
  { start, tree, readable }: ChosenScript,
  length: number,
  markers: readonly number[],
): number | undefined {
  const inside = markers.filter((marker) => marker >= start && marker < start + length);
  if (inside.length === 0) return undefined;
  const codeAt = new Set<number | undefined>();
  for (const offset of scanScript(tree).fenceLike) codeAt.add(readable.toOriginal(offset - BODY_PREFIX.length));
  return inside.find((marker) => codeAt.has(marker - start));
}

/** The last resort: rewrites what cannot be erased, or says why the text is no script. */
async function rewriteScript(
  source: string,
  candidate: Candidate,
  markers: readonly number[],
  transpiler: OwnTranspiler,
): Promise<ChosenScript> {
  const text = plainScript(candidate);
  const reply = await transpiler.transform(text);
  switch (reply.status) {
    case "broken":
      throw unreadable(source, candidate);
    case "invalid": {
      const { message, line, column, isJsx } = reply.problem;
      const offset = createLineTable(text, "script").toOffset({ line, column }) ?? text.length;
      const hint = isJsx === true ? { hint: JSX_HINT } : {};
      throw syntaxError(source, { message, offset: candidate.start + offset, ...hint });
    }
    case "ok": {
      const readable = readRewritten(reply, text);
      const parsed = readable === undefined ? undefined : parseScript(readable.text);
      if (readable !== undefined && parsed?.ok === true) {
        const { start } = candidate;
        const { tree } = parsed;
        const script = { start, tree, typed: readable.text, language: "js", readable, sameLines: false } as const;
        const stray = strayFence(script, text.length, markers);
        if (stray === undefined) return script;
        throw syntaxError(source, { message: "a Markdown fence stands between statements", offset: stray });
      }
      throw syntaxError(source, offsetBy(findProblem(text), candidate.start));
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

function offsetBy(problem: SyntaxProblem, start: number): SyntaxProblem {
  return { ...problem, offset: problem.offset + start };
}

function unreadable(source: string, { start }: Candidate): Error {
  const message = "it is nested too deeply, or too ambiguous, to be read as TypeScript";
  return syntaxError(source, { message, offset: start, tooDeep: true });
}

import { BODY_PREFIX } from "./body-wrapper.ts";
import { findFences } from "./fences.ts";
import { findProblem, parseScript } from "./parse.ts";
import type { ScriptTree } from "./parse.ts";
import { isProse } from "./prose.ts";
import { scanScript } from "./scan.ts";
import { createLineTable } from "./source-position.ts";
import { rewritten, unmoved } from "./source-text.ts";
import type { ReadableText } from "./source-text.ts";
import { DEPTH_HINT, syntaxError } from "./syntax-error.ts";
import type { TransformReply, Transpiler } from "./transpile.ts";
import { TreeTooLarge } from "./tree-bounds.ts";
import type { TreeBudget } from "./tree-bounds.ts";

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

/** What a text is read with. */
export interface ReadingTools extends OwnTranspiler {
  readonly budget: TreeBudget;
}

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
 * @throws SCRIPT_SYNTAX about the whole text or, when it has fenced blocks, about the largest of them; TreeTooLarge with its
 *   offset in `source`.
 */
export async function chooseScript(source: string, tools: ReadingTools): Promise<ChosenScript> {
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
    const direct = tryText(candidate, script, markers, tools);
    if (direct.script !== undefined) return direct.script;
    if (direct.isProse || tries++ >= MAX_TYPESCRIPT_TRIES) continue;
    const reply = await tools.strip(script);
    if (reply.status === "broken") throw unreadable(source, candidate);
    if (reply.status === "unsupported") return rewriteScript(source, candidate, markers, tools);
    const stripped = reply.status === "ok" ? tryText(candidate, reply.code, markers, tools).script : undefined;
    if (stripped !== undefined) return { ...stripped, typed: script, language: "ts" };
  }
  return rewriteScript(source, blamedOf(fenced) ?? whole, markers, tools);
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

/** @throws TreeTooLarge */
function tryText({ start }: Candidate, text: string, markers: readonly number[], { budget }: ReadingTools): Attempt {
  const parsed = placed(start, unmoved(text), () => parseScript(text, budget));
  if (!parsed.ok) return { script: undefined, isProse: isProse(text, parsed.at) };
  const { tree } = parsed;
  const script: ChosenScript = { start, tree, typed: text, language: "js", readable: unmoved(text), sameLines: true };
  const isStray = strayFence(script, text.length, markers) !== undefined;
  return isStray ? { script: undefined, isProse: false } : { script };
}

/** Tells a tree that is too large where it is in the caller's text. @param start Of what was read, there. */
function placed<T>(start: number, text: ReadableText, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TreeTooLarge)) throw error;
    throw new TreeTooLarge(error.excess, start + (text.toOriginal(error.offset) ?? 0));
  }
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
  tools: ReadingTools,
): Promise<ChosenScript> {
  const text = plainScript(candidate);
  const { start } = candidate;
  const reply = await tools.transform(text);
  switch (reply.status) {
    case "broken":
      throw unreadable(source, candidate);
    case "invalid": {
      const { message, line, column, isJsx } = reply.problem;
      const offset = createLineTable(text, "script").toOffset({ line, column }) ?? text.length;
      const hint = isJsx === true ? { hint: JSX_HINT } : {};
      throw syntaxError(source, { message, offset: start + offset, ...hint });
    }
    case "ok": {
      const { budget } = tools;
      const readable = placed(start, unmoved(text), () => readRewritten(reply, text, budget));
      const parsed = readable && placed(start, readable, () => parseScript(readable.text, budget));
      if (readable !== undefined && parsed?.ok === true) {
        const { tree } = parsed;
        const script = { start, tree, typed: readable.text, language: "js", readable, sameLines: false } as const;
        const stray = strayFence(script, text.length, markers);
        if (stray === undefined) return script;
        throw syntaxError(source, { message: "a Markdown fence stands between statements", offset: stray });
      }
      const problem = placed(start, unmoved(text), () => findProblem(text, budget));
      throw syntaxError(source, { ...problem, offset: problem.offset + start });
    }
    default:
      return reply satisfies never;
  }
}

function readRewritten(
  reply: Extract<TransformReply, { status: "ok" }>,
  text: string,
  budget: TreeBudget,
): ReadableText | undefined {
  if (reply.shift === 0) return rewritten({ reply, start: 0, original: text }, reply.code.length);
  const parsed = parseScript(reply.code, budget);
  const statement = parsed.ok && parsed.tree.statements.length === 1 ? parsed.tree.statements[0] : undefined;
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "ArrowFunctionExpression")
    return undefined;
  const { body } = statement.expression;
  const start = body.start + 1 - BODY_PREFIX.length;
  return rewritten({ reply, start, original: text }, body.end - 1 - BODY_PREFIX.length);
}

function unreadable(source: string, { start }: Candidate): Error {
  const message = "it is nested too deeply, or too ambiguous, to be read as TypeScript";
  return syntaxError(source, { message, offset: start, hint: DEPTH_HINT });
}

import { RunletError } from "../lib/errors.ts";

/** Labels of fences that hold a script; a fence without a label may hold one too. */
const CODE_LABELS: ReadonlySet<string> = new Set(["js", "javascript", "mjs", "ts", "typescript", "mts", "jsx", "tsx"]);
const REASONING_OPENS = /^\s*<(think|thinking|reasoning)>/iu;
const REASONING_CLOSES = /<\/(?:think|thinking|reasoning)>/iu;
/** A script cannot hold such a line outside of comments: backticks in a template literal are escaped. */
const FENCE = /^\s*(`{3,})\s*([\w+#.-]*)/u;

interface Block {
  /** Lower-case word after the opening fence, empty when there is none. */
  readonly label: string;
  readonly text: string;
}

/**
 * The script in a model's answer: reasoning is dropped, then the fenced block that looks most like a script is taken,
 * else the whole text. Whether it is a script at all is decided where scripts are prepared.
 *
 * @throws MODEL_NO_SCRIPT when nothing is left.
 */
export function extractScript(answer: string): string {
  const text = stripReasoning(answer);
  const blocks = fencedBlocks(text);
  const script = (blocks.length === 0 ? text : pick(blocks)).trim();
  if (script === "") {
    throw new RunletError("MODEL_NO_SCRIPT", "Cannot run the task as the model's answer holds no script", {
      hint: "Post the task again, say more precisely what to do, or configure another model.",
    });
  }
  return script;
}

/** Drops reasoning at the start, closed or not, and reasoning whose opening tag the server already took away. */
function stripReasoning(answer: string): string {
  let rest = answer;
  while (REASONING_OPENS.test(rest)) {
    const end = REASONING_CLOSES.exec(rest);
    if (end === null) return "";
    rest = rest.slice(end.index + end[0].length);
  }
  const orphan = rest === answer ? REASONING_CLOSES.exec(rest) : null;
  if (orphan === null) return rest;
  const after = rest.slice(orphan.index + orphan[0].length);
  return after.trim() === "" ? rest : after;
}

/**
 * The fenced blocks of a text; one that is never closed ends with the text.
 *
 * @source CommonMark 0.31, section 4.5, for what closes a fence.
 */
function fencedBlocks(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { readonly fence: string; readonly label: string; readonly lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/u)) {
    const [, fence = "", label = ""] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== "") open = { fence, label: label.toLowerCase(), lines: [] };
    } else if (fence.length >= open.fence.length && line.trim() === fence) {
      blocks.push({ label: open.label, text: open.lines.join("\n") });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) blocks.push({ label: open.label, text: open.lines.join("\n") });
  return blocks;
}

/** The longest of the best kind: labelled as code, then without a label, then any. */
function pick(blocks: readonly Block[]): string {
  const coded = blocks.filter(({ label }) => CODE_LABELS.has(label));
  const plain = blocks.filter(({ label }) => label === "");
  const candidates = [coded, plain].find((group) => group.length > 0) ?? blocks;
  return candidates.reduce((best, { text }) => (text.length > best.length ? text : best), "");
}

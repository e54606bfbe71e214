/** Steps a match may take at worst: some milliseconds. */
const STEP_BUDGET = 1_000_000;
/** The same where repetitions nest: each step is dearer there, and an unanchored match tries them again. */
const NESTED_STEP_BUDGET = 100_000;
const MAX_PATTERN_LENGTH = 10_000;

/** What Ajv needs of a regular expression; the text of each is distinct, as Ajv keys them by it. */
export interface PatternTest {
  test(text: string): boolean;
  toString(): string;
}

/**
 * A `pattern` of a tool's schema as a test that cannot hold up the process: texts so long that matching might take more
 * than some milliseconds pass untested, as does everything for a pattern that is no regular expression. The tool itself
 * has the last word on them.
 *
 * @param pattern From a schema, not trusted.
 */
export function compilePattern(pattern: string, flags: string): PatternTest {
  const expression = toRegExp(pattern, flags) ?? toRegExp(pattern, flags.replace("u", ""));
  const name = `/${pattern}/${flags}`;
  if (expression === undefined) return { test: () => true, toString: () => name };
  const maxLength = longestSafeText(pattern);
  return { test: (text) => text.length > maxLength || expression.test(text), toString: () => name };
}

function toRegExp(pattern: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(pattern, flags);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

interface Group {
  /** Ways in which a repetition of this group can match the same text: each choice within adds one. */
  choices: number;
  alternatives: number;
}

/**
 * How long a text may be so that backtracking over it stays within the budget, judged from the pattern's form:
 * k repetitions side by side cost n^(k+1), a repeated group with c choices in it up to (c+1)^n.
 */
export function longestSafeText(pattern: string): number {
  if (pattern.length > MAX_PATTERN_LENGTH) return 0;
  const open: Group[] = [{ choices: 0, alternatives: 1 }];
  let repetitions = 0;
  let factor = 1;
  let worstBranching = 1;
  let closed: Group | undefined;
  for (const token of pattern.match(TOKEN) ?? []) {
    const top = open.at(-1) ?? { choices: 0, alternatives: 1 };
    const repeat = repetitionOf(token);
    if (token.startsWith("(")) open.push({ choices: 0, alternatives: 1 });
    else if (token === ")" && open.length > 1) {
      open.pop();
      top.choices += top.alternatives - 1;
      const parent = open.at(-1);
      if (parent !== undefined) parent.choices += top.choices;
      factor *= top.alternatives;
      closed = top;
      continue;
    } else if (token === "|") top.alternatives++;
    else if (repeat !== undefined) {
      if (repeat !== "exact") top.choices++;
      if (repeat === "optional") factor *= 2;
      if (repeat === "many") repetitions++;
      if (repeat !== "optional" && closed !== undefined) worstBranching = Math.max(worstBranching, closed.choices + 1);
    }
    closed = undefined;
  }
  const budget = STEP_BUDGET / (factor * (open[0]?.alternatives ?? 1));
  const sideBySide = budget ** (1 / (repetitions + 1));
  const nested = worstBranching === 1 ? Infinity : Math.log(NESTED_STEP_BUDGET) / Math.log(worstBranching);
  return Math.floor(Math.min(sideBySide, nested));
}

/** Escapes and classes whole, group openings with their kind, quantifiers with their laziness, else one character. */
const TOKEN = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?|[*+?]\??|\{\d+(?:,\d*)?\}\??|[^]/gu;

function repetitionOf(token: string): "optional" | "many" | "exact" | undefined {
  if (/^[*+]\??$/u.test(token)) return "many";
  if (/^\?\??$/u.test(token) || /^\{(?:0|0,1|1)\}/u.test(token)) return "optional";
  if (/^\{\d+\}/u.test(token)) return "exact";
  return /^\{\d/u.test(token) ? "many" : undefined;
}

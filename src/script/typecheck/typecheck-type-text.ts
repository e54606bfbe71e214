/** Kinds of JSON values, and the promise of one. */
export type ValueKind = "string" | "number" | "boolean" | "bigint" | "array" | "object" | "promise";

const OPENING = new Set(["{", "(", "[", "<"]);
const CLOSING = new Set(["}", ")", "]"]);

/**
 * The kinds of value that a type takes in, read from the compiler's text of it.
 *
 * @returns `undefined` when any part may be of a kind that the text does not tell.
 */
export function kindsOf(type: string): ReadonlySet<ValueKind> | undefined {
  const kinds = splitUnion(type)
    .filter((part) => part !== "null" && part !== "undefined")
    .map(kindOf);
  return kinds.length > 0 && kinds.every((kind) => kind !== undefined) ? new Set(kinds) : undefined;
}

/** Whether no value of type `given` can become JSON of type `wanted`, as far as kinds tell. */
export function cannotBe(given: string, wanted: string): boolean {
  const [kind, ...others] = kindsOf(given) ?? [];
  const accepted = kindsOf(wanted);
  return kind !== undefined && others.length === 0 && accepted !== undefined && !accepted.has(kind);
}

/** The prototype or object whose properties a value of the type has; `undefined` for what is not the language's own. */
export function builtInOf(type: string): object | undefined {
  const name = kindOf(type) ?? "";
  if (BUILT_IN_KINDS.has(name)) return BUILT_IN_KINDS.get(name);
  const word = /^[A-Z]\w*/u.exec(type)?.[0] ?? "";
  return BUILT_INS.get(word);
}

function kindOf(type: string): ValueKind | undefined {
  if (type.startsWith("Promise<")) return "promise";
  if (type.endsWith("[]") || type.startsWith("[") || type.startsWith("ListOf<")) return "array";
  if (type === "string" || type === "StringLike" || type === "String" || /^["`]/u.test(type)) return "string";
  if (type === "number" || type === "Number" || /^-?\d[\d.e+-]*$/u.test(type)) return "number";
  if (type === "boolean" || type === "Boolean" || type === "true" || type === "false") return "boolean";
  if (type === "bigint" || type === "BigInt" || /^-?\d+n$/u.test(type)) return "bigint";
  return type.startsWith("{") && type.endsWith("}") && type !== "{}" ? "object" : undefined;
}

/** The parts of a union, brackets and quoted texts left whole. */
export function splitUnion(type: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = "";
  let from = 0;
  for (let i = 0; i < type.length; i++) {
    const char = type.charAt(i);
    if (quote !== "") {
      if (char === "\\") i++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (OPENING.has(char)) depth++;
    else if (CLOSING.has(char) || (char === ">" && type.charAt(i - 1) !== "=")) depth--;
    else if (char === "|" && depth === 0) {
      parts.push(type.slice(from, i).trim());
      from = i + 1;
    }
  }
  return [...parts, type.slice(from).trim()].filter((part) => part !== "");
}

const BUILT_IN_KINDS: ReadonlyMap<string, object> = new Map<string, object>([
  ["string", String.prototype],
  ["number", Number.prototype],
  ["boolean", Boolean.prototype],
  ["bigint", BigInt.prototype],
  ["array", Array.prototype],
  ["promise", Promise.prototype],
]);

const BUILT_INS: ReadonlyMap<string, object> = new Map<string, object>([
  ["Map", Map.prototype],
  ["Set", Set.prototype],
  ["Date", Date.prototype],
  ["RegExp", RegExp.prototype],
  ["Math", Math],
  ["JSON", JSON],
  ["ObjectConstructor", Object],
  ["ArrayConstructor", Array],
  ["StringConstructor", String],
  ["NumberConstructor", Number],
  ["DateConstructor", Date],
  ["PromiseConstructor", Promise],
]);

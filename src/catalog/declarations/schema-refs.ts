import { isRecord } from "../../lib/guards.ts";
import { pointerKeys, pointerStep } from "../../lib/json.ts";

const KEYWORD_SEGMENTS = new Set(
  "properties items $defs definitions anyOf oneOf allOf prefixItems additionalProperties patternProperties".split(" "),
);
const MAX_ANCHOR_SEARCH = 20_000;

/** Where a `$ref` leads. */
export interface RefTarget {
  /** The same for every spelling of the same place: a JSON pointer. */
  readonly pointer: string;
  readonly schema: unknown;
}

/**
 * Finds what a reference means inside its own document: a JSON pointer, an anchor, or either after the document's own `$id`.
 * Nothing is ever fetched.
 *
 * @param root The whole schema document.
 * @param ref Text of `$ref` or `$dynamicRef`.
 * @returns `undefined` when it leads elsewhere or nowhere.
 */
export function resolveRef(root: unknown, ref: string): RefTarget | undefined {
  const hash = ref.indexOf("#");
  const base = hash === -1 ? ref : ref.slice(0, hash);
  const fragment = hash === -1 ? "" : decodeFragment(ref.slice(hash + 1));
  if (fragment === undefined) return undefined;
  if (base !== "" && !(isRecord(root) && typeof root["$id"] === "string" && root["$id"].replace(/#$/u, "") === base)) {
    return undefined;
  }
  if (fragment === "") return { pointer: "", schema: root };
  return fragment.startsWith("/") ? followPointer(root, fragment) : findAnchor(root, fragment);
}

/** A word for the place a pointer names, for making up a type's name: `#/$defs/RichText` → `RichText`. */
export function pointerHint(pointer: string): string {
  const words = pointerKeys(pointer).filter((segment) => !KEYWORD_SEGMENTS.has(segment) && !/^\d+$/u.test(segment));
  return words.at(-1) ?? "";
}

function followPointer(root: unknown, pointer: string): RefTarget | undefined {
  let at = root;
  for (const segment of pointerKeys(pointer)) {
    if (Array.isArray(at) && /^(?:0|[1-9]\d{0,8})$/u.test(segment)) at = (at as unknown[])[Number(segment)];
    else if (isRecord(at) && Object.hasOwn(at, segment)) at = at[segment];
    else return undefined;
  }
  return at === undefined ? undefined : { pointer, schema: at };
}

function findAnchor(root: unknown, anchor: string): RefTarget | undefined {
  const open: RefTarget[] = [{ pointer: "", schema: root }];
  for (let seen = 0; seen < MAX_ANCHOR_SEARCH; seen++) {
    const here = open.pop();
    if (here === undefined) return undefined;
    const { pointer, schema } = here;
    if (isRecord(schema) && (schema["$anchor"] === anchor || schema["$dynamicAnchor"] === anchor)) return here;
    if (typeof schema !== "object" || schema === null) continue;
    for (const [key, value] of Object.entries(schema)) {
      open.push({ pointer: pointer + pointerStep(key), schema: value });
    }
  }
  return undefined;
}

/** @returns `undefined` for a fragment with a broken escape: such a reference leads nowhere. */
function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

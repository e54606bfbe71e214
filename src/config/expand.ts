import { isRecord } from "../lib/guards.ts";
import { pathText, problemOf } from "./problem.ts";
import type { ConfigProblem, KeyPath, Source } from "./problem.ts";
import { isSecretName, isSecretPath, secretsOf } from "./secret-names.ts";

/** What references are resolved with. */
export interface ExpandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a text file named in a reference; throws when it cannot. */
  readonly readFile: (path: string) => string;
  /** Looks up a stored secret for the value at a path. @default there is no store */
  readonly readSecret?: (name: string, path: KeyPath) => Found;
  /** Where a value is from, for problems. */
  readonly sourceOf: (path: KeyPath) => Source | undefined;
  /** Parts of the tree that stay as they are written. */
  readonly skip?: (path: KeyPath) => boolean;
}

/** A tree with its references resolved. */
export interface Expanded {
  readonly value: unknown;
  /** The text as written of each value that held a reference, by key path. */
  readonly references: ReadonlyMap<string, string>;
  /** Values that came from files, or from variables whose name or place says that they are secret. */
  readonly secrets: ReadonlySet<string>;
  readonly problems: readonly ConfigProblem[];
}

interface Work extends ExpandContext {
  readonly references: Map<string, string>;
  readonly secrets: Set<string>;
  readonly problems: ConfigProblem[];
}

/** One string being expanded. */
interface Site {
  readonly path: KeyPath;
  readonly written: string;
}

const VARIABLE = /^(?:env:)?([A-Za-z_]\w*)$/u;

/**
 * Resolves the references in every string of a tree; keys stay as they are.
 *
 * `${NAME}` and `${env:NAME}` are variables (where only `NAME_FILE` is set, the content of that file), `${file:PATH}` is
 * a file's content without its last line break, `${input:ID}`, as VS Code writes it, is the variable of that name in capitals, `${…:-text}` falls back when the variable is unset or empty or the file
 * is missing, `${secret:NAME}` is a stored secret, and `$${` stands for `${`. References may be inside fallbacks. What they stand for is not expanded again.
 *
 * @returns The new tree; a string that cannot be resolved stays as written and is among the problems.
 */
export function expandReferences(tree: unknown, context: ExpandContext): Expanded {
  const work: Work = { ...context, references: new Map(), secrets: new Set(), problems: [] };
  const value = expandValue(tree, [], work);
  return { value, references: work.references, secrets: work.secrets, problems: work.problems };
}

function expandValue(value: unknown, path: KeyPath, work: Work): unknown {
  if (work.skip?.(path) === true) return value;
  if (typeof value === "string") return expandString(value, path, work);
  if (Array.isArray(value)) return value.map((item: unknown, index) => expandValue(item, [...path, index], work));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandValue(item, [...path, key], work)]));
}

function expandString(written: string, path: KeyPath, work: Work): string {
  if (!written.includes("${")) return written;
  work.references.set(pathText(path), written);
  return expandText(written, { path, written }, work) ?? written;
}

/** @returns `undefined` when a reference cannot be resolved; the reason is among the problems. */
function expandText(text: string, site: Site, work: Work): string | undefined {
  let result = "";
  let from = 0;
  let failed = false;
  for (let at = text.indexOf("${"); at >= 0; at = text.indexOf("${", from)) {
    if (at > from && text[at - 1] === "$") {
      result += `${text.slice(from, at - 1)}\${`;
      from = at + 2;
      continue;
    }
    const end = closingBrace(text, at + 2);
    if (end < 0) {
      fail(site, work, "must close each ${ with }", "Add the brace, or write $${ for a plain ${.");
      return undefined;
    }
    const found = resolve(text.slice(at + 2, end), site, work);
    failed ||= found === undefined;
    result += text.slice(from, at) + (found ?? "");
    from = end + 1;
  }
  return failed ? undefined : result + text.slice(from);
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith("${", at)) depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return -1;
}

function resolve(reference: string, site: Site, work: Work): string | undefined {
  const split = reference.indexOf(":-");
  const fallback = split < 0 ? undefined : reference.slice(split + 2);
  const found = lookUp(split < 0 ? reference : reference.slice(0, split), site, work);
  if (found.kind === "text" && (found.text !== "" || fallback === undefined)) return found.text;
  if (found.kind !== "invalid" && fallback !== undefined) return expandText(fallback, site, work);
  if (found.kind !== "text") fail(site, work, found.rule, found.remedy);
  return undefined;
}

/** What a reference stands for, or why that is not known; a fallback counts for what is missing only. */
export type Found =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" | "invalid"; readonly rule: string; readonly remedy: string };

const NO_STORE: Found = {
  kind: "invalid",
  rule: "refers to a secret where there is no store of secrets",
  remedy: "Use ${NAME} or ${file:PATH}.",
};

function lookUp(name: string, site: Site, work: Work): Found {
  if (name.startsWith("file:")) return lookUpFile(name.slice("file:".length), `\${${name}}`, work);
  if (name.startsWith("secret:")) {
    const found = work.readSecret?.(name.slice("secret:".length), site.path) ?? NO_STORE;
    if (found.kind === "text") remember(found.text, work);
    return found;
  }
  const input = name.startsWith("input:") ? name.slice("input:".length) : undefined;
  const variable = VARIABLE.exec(input === undefined ? name : inputVariable(input))?.[1];
  if (variable === undefined) {
    return {
      kind: "invalid",
      rule: "holds a reference of an unknown form",
      remedy: "Write ${NAME}, ${NAME:-default}, ${env:NAME}, ${file:PATH} or ${secret:NAME}, or $${ for a plain ${.",
    };
  }
  const text = work.env[variable];
  if (text === undefined) {
    const path = work.env[`${variable}_FILE`];
    if (path !== undefined && path !== "") return lookUpFile(path, `${variable}_FILE`, work);
    return {
      kind: "missing",
      rule:
        input === undefined
          ? `needs the environment variable ${variable}, which is not set`
          : `needs the input ${input}, which is asked of nobody here, and the environment variable ${variable} is not set`,
      remedy: `Set ${variable}, or write \${${variable}:-default}.`,
    };
  }
  if (input !== undefined || isSecretName(variable) || isSecretPath(site.path)) remember(text, work);
  return { kind: "text", text };
}

/** The variable that stands for an input of an editor's file: `github-token` is `GITHUB_TOKEN`. */
export function inputVariable(id: string): string {
  return id.toUpperCase().replaceAll(/[^A-Z0-9_]/gu, "_");
}

function lookUpFile(path: string, reference: string, work: Work): Found {
  try {
    const text = work.readFile(path).replace(/\r?\n$/u, "");
    remember(text, work);
    return { kind: "text", text };
  } catch (error) {
    const why = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return {
      kind: "missing",
      rule: `needs a file that cannot be read${why}, named by ${reference}`,
      remedy: "Create the file, or let this user read it.",
    };
  }
}

function remember(text: string, work: Work): void {
  for (const secret of secretsOf(text)) work.secrets.add(secret);
}

function fail(site: Site, work: Work, rule: string, remedy: string): void {
  const current = isSecretPath(site.path) ? "hidden, as it may hold a secret" : JSON.stringify(site.written);
  work.problems.push(problemOf({ path: site.path, rule, current, remedy }, work.sourceOf(site.path)));
}

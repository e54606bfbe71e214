import { isRecord } from "../lib/guards.ts";

/** Hides secrets in what is logged. Pure: nothing that is given is changed. */
export interface Redactor {
  /** Hides these from now on too, beside all that it was told before. */
  learn(secrets: Iterable<string>): void;
  /**
   * Hides an access token too. It is one of many that follow each other: the four newest of each holder stay hidden.
   *
   * @param holder Whom it is shown to.
   */
  learnToken(holder: string, token: string): void;
  /** The text with `***` in place of known secrets and of what looks like one. */
  text(text: string): string;
  /** The text with `***` in place of known secrets alone. */
  known(text: string): string;
  /**
   * A copy of any value, fit to be written as JSON: texts redacted, members named like secrets hidden, errors as objects,
   * cycles and what is nested too deep cut.
   */
  value(value: unknown): unknown;
}

/** Stands for what is hidden. */
export const HIDDEN = "***";
const MAX_DEPTH = 10;
const MAX_ITEMS = 1_000;
const MIN_SECRET_CHARS = 4;
const KEPT_TOKENS = 4;

/**
 * What secrets look like. A capture named `keep` stays, so that the kind of secret can still be told. Takes time linear in
 * the text: where a name may begin anywhere in a run of letters and dashes, it is only looked for from the run's start.
 *
 * @source The prefixes that OpenAI, GitHub, GitLab, Slack, AWS, Google and Stripe document for their keys; RFC 6750 for
 *   bearer tokens; RFC 7519 for JSON web tokens; RFC 3986 section 3.2.1 for user information.
 */
const SHAPES: readonly RegExp[] = [
  /(?<keep>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/giu,
  /(?<keep>:\/\/)[^\s/@"']+(?=@)/gu,
  /\b(?:rk|sk|pk)_[\w-]{16,}/gu,
  /\bsk-[\w-]{16,}/gu,
  /\bgh[pousr]_\w{20,}/gu,
  /\bgithub_pat_\w{20,}/gu,
  /\bglpat-[\w-]{16,}/gu,
  /\bxox[a-z]-[\w-]{10,}/gu,
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/gu,
  /\bAIza[\w-]{35}/gu,
  /(?<![\w-])(?=[\w-]+\.[\w-]{8,}\.)(?<keep>[\w-]*?\b)eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/gu,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gu,
  /(?<keep>(?<![\w-])[\w-]*(?:(?<!(?:page|next|cursor|continuation|sync)[_-]?)token|secret|password|passwd|api[_-]?key|access[_-]?key)["']?\s*[=:]\s*["']?)(?!\*\*\*)[^\s&"',;]{4,}/giu,
];

/** One look that tells whether any shape can be there at all: most lines hold none. */
const ANY_SHAPE =
  /bearer|basic|:\/\/|[rsp]k[_-]|gh[pousr]_|github_pat_|glpat-|xox|AKIA|ASIA|ABIA|ACCA|AIza|eyJ|PRIVATE KEY|token|secret|passw|key/iu;

const SECRET_MEMBERS = new Set([
  "authorization",
  "proxyauthorization",
  "cookie",
  "setcookie",
  "password",
  "passwd",
  "passphrase",
  "token",
  "apikey",
  "xapikey",
  "secret",
  "privatekey",
  "accesskey",
  "credentials",
]);

const SECRET_ENDINGS = ["token", "secret", "password", "apikey", "accesskey", "privatekey"] as const;

/** Tokens that say where a list goes on are no secrets, and needed to read on. */
const PLACE_TOKEN = /(?:page|next|cursor|continuation|sync)token$/u;

/**
 * Builds a redactor.
 *
 * @param secrets Values to hide wherever they are; those under 4 characters are not, as hiding them would garble all text.
 * @param options `shapes`: hide what only looks like a secret too; not for words of ours, which speak of secrets. @default true
 */
export function createRedactor(
  secrets: Iterable<string>,
  { shapes = true }: { readonly shapes?: boolean } = {},
): Redactor {
  const all = new Set(secrets);
  const tokens = new Map<string, readonly string[]>();
  const compile = (): RegExp | undefined => compileSecrets([...all, ...[...tokens.values()].flat()]);
  let known = compile();
  const hideKnown = (input: string): string => (known === undefined ? input : input.replace(known, HIDDEN));
  const text = (input: string): string => {
    let output = hideKnown(input);
    if (shapes && ANY_SHAPE.test(output)) for (const shape of SHAPES) output = output.replace(shape, hideMatch);
    return output;
  };
  return {
    text,
    known: hideKnown,
    value: (value) => redactValue(value, text, 0, []),
    learn(more) {
      for (const secret of more) all.add(secret);
      known = compile();
    },
    learnToken(holder, token) {
      const learned = tokens.get(holder) ?? [];
      if (learned.includes(token)) return;
      tokens.set(holder, [...learned.slice(1 - KEPT_TOKENS), token]);
      known = compile();
    },
  };
}

function hideMatch(...args: readonly unknown[]): string {
  const groups = args.at(-1);
  const keep = isRecord(groups) ? groups["keep"] : undefined;
  return `${typeof keep === "string" ? keep : ""}${HIDDEN}`;
}

/** One expression for all secrets, as they are and as they stand in JSON and in addresses; longest first. */
function compileSecrets(secrets: Iterable<string>): RegExp | undefined {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_CHARS) continue;
    forms.add(secret);
    forms.add(JSON.stringify(secret).slice(1, -1));
    forms.add(encodeURIComponent(secret.toWellFormed()));
  }
  if (forms.size === 0) return undefined;
  const sorted = [...forms].toSorted((a, b) => b.length - a.length);
  return new RegExp(sorted.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")).join("|"), "gu");
}

/** Whether a member of this name holds a secret. */
export function isSecretMember(name: string): boolean {
  const folded = name.toLowerCase().replaceAll(/[^a-z]/gu, "");
  if (SECRET_MEMBERS.has(folded)) return true;
  return SECRET_ENDINGS.some((ending) => folded.endsWith(ending)) && !PLACE_TOKEN.test(folded);
}

type RedactText = (text: string) => string;

function redactValue(value: unknown, text: RedactText, depth: number, above: readonly object[]): unknown {
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
  if (above.includes(value)) return "[circular]";
  if (depth >= MAX_DEPTH) return "[too deep]";
  return redactObject(value, (item) => redactValue(item, text, depth + 1, [...above, value]), text);
}

function redactObject(value: object, redact: (item: unknown) => unknown, text: RedactText): unknown {
  if (value instanceof Error) return redactError(value, redact, text);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (value instanceof URL) return text(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return redactMembers(entriesOf(value), redact);
  if (value instanceof Set) return cutItems([...value], redact);
  if (Array.isArray(value)) return cutItems(value, redact);
  return redactMembers(Object.entries(value), redact);
}

function* entriesOf(map: ReadonlyMap<unknown, unknown>): Generator<[string, unknown]> {
  for (const [key, item] of map) yield [String(key), item];
}

function redactMembers(entries: Iterable<[string, unknown]>, redact: (item: unknown) => unknown): object {
  const members: [string, unknown][] = [];
  for (const [key, item] of entries)
    members.push([key, isSecretMember(key) && isTelling(item) ? HIDDEN : redact(item)]);
  return Object.fromEntries(members);
}

/** Whether a value can be a secret: numbers of tokens and flags are not. */
function isTelling(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== "boolean" && typeof value !== "number";
}

function cutItems(items: readonly unknown[], redact: (item: unknown) => unknown): unknown[] {
  const kept = items.slice(0, MAX_ITEMS).map(redact);
  return items.length > MAX_ITEMS ? [...kept, `[${items.length - MAX_ITEMS} more]`] : kept;
}

function redactError(error: Error, redact: (item: unknown) => unknown, text: RedactText): object {
  const { name, message, stack, cause, ...rest } = error;
  return {
    type: name,
    message: text(message),
    ...(redactMembers(
      Object.entries(rest).filter(([key]) => key !== "stack"),
      redact,
    ) as Record<string, unknown>),
    ...(stack === undefined ? {} : { stack: text(stack) }),
    ...(cause === undefined ? {} : { cause: redact(cause) }),
  };
}

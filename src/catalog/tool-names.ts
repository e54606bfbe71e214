/**
 * Words that a method or namespace is not named, as they cannot be bound to a variable, mean something to every object,
 * or are never looked up on a proxy.
 */
const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof undefined var void while with yield " +
    "then toJSON constructor prototype hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf"
  ).split(" "),
);

const SEPARATORS = /(?:\p{Pc}|[^\p{ID_Continue}])+/u;
const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/u;

/**
 * A camelCase identifier for any name: `get-weather` → `getWeather`, `api.v2.search` → `apiV2Search`,
 * `3drender` → `_3drender`, `class` → `class_`, the empty name → `_`.
 *
 * The same name always gives the same identifier, and an identifier made here is mapped to itself. Different names may give
 * the same identifier: see `assignIdentifiers`.
 */
export function toIdentifier(name: string): string {
  const [first = "", ...rest] = name.split(SEPARATORS).filter((part) => part !== "");
  const joined = lowerHead(first) + rest.map(capitalise).join("");
  const started = /^\p{ID_Start}/u.test(joined) ? joined : `_${joined}`;
  return RESERVED.has(started) ? `${started}_` : started;
}

/**
 * Identifiers for names that live side by side. Names that would share an identifier all keep their original spelling
 * instead, so that no name ever depends on which of them came first.
 *
 * @param names Distinct names.
 * @returns Distinct identifiers (or original spellings) by name.
 */
export function assignIdentifiers(names: Iterable<string>): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const name of new Set(names)) {
    const identifier = toIdentifier(name);
    wanted.set(name, identifier);
    counts.set(identifier, (counts.get(identifier) ?? 0) + 1);
  }
  for (const [name, identifier] of wanted) {
    if ((counts.get(identifier) ?? 0) > 1) wanted.set(name, name);
  }
  return wanted;
}

/** The name of a tool directly on `mcp` that says its server too: `github` and `searchRepos` give `githubSearchRepos`. */
export function joinIdentifiers(namespace: string, method: string): string {
  return namespace + capitalise(method);
}

/** A name for a type, in ASCII: `get-weather` → `GetWeather`. @param fallback Used when nothing of the name is left. */
export function toTypeName(name: string, fallback: string): string {
  const ascii = capitalise(toIdentifier(name)).replaceAll(/[^A-Za-z0-9]/gu, "");
  if (ascii === "") return fallback;
  return /^\d/u.test(ascii) ? fallback + ascii : ascii;
}

/**
 * A property's name as TypeScript text writes it: bare when it is a plain ASCII word that needs no quotes even as a
 * method, else a string literal.
 */
export function propertyKey(name: string): string {
  return PLAIN.test(name) && name !== "new" && name !== "constructor" ? name : stringLiteral(name);
}

/** How an expression reaches a property: `.name` or `["some-name"]`. */
export function propertyAccess(name: string): string {
  return PLAIN.test(name) ? `.${name}` : `[${stringLiteral(name)}]`;
}

/** A string literal on one line, with every control and invisible character escaped. */
export function stringLiteral(text: string): string {
  return JSON.stringify(text).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** `GetX` → `getX`, `HTTPGet` → `httpGet`, `API` → `api`; what starts with a character that has no lower case is left alone. */
function lowerHead(part: string): string {
  const run = /^\p{Changes_When_Lowercased}+/u.exec(part)?.[0] ?? "";
  const rest = part.slice(run.length);
  const last = /^\p{Ll}/u.test(rest) ? (/(?<=.)\p{Changes_When_Lowercased}$/u.exec(run)?.[0] ?? "") : "";
  return run.slice(0, run.length - last.length).toLowerCase() + last + rest;
}

/** `get` → `Get`, `USERS` → `Users`, `HTTPData` as it is. */
function capitalise(part: string): string {
  const head = /^./u.exec(part)?.[0] ?? "";
  const rest = part.slice(head.length);
  const shouting = rest !== "" && /^\p{Changes_When_Lowercased}+$/u.test(part);
  return head.toUpperCase() + (shouting ? rest.toLowerCase() : rest);
}

import { nodeAt } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";
import type { KeyPath } from "./problem.ts";

const SECRET_NAME =
  /token|secret|passw|passphrase|pwd|credential|private|authorization|cookie|dsn|connection_?string|database_?url|redis_?url|api_?key|-key\b|_key\b|^key$|auth$/iu;

const USER_INFO = /:\/\/[^/\s:@]*:([^@\s/]+)@/gu;

const SCHEME = /^(?:bearer|basic|token)\s+/iu;

/**
 * The shortest text that is taken for a secret: hiding shorter ones everywhere would garble logs and protect little.
 */
export const MIN_SECRET_CHARS = 6;

/** Whether a variable, header or key of this name holds a secret, as far as a name can tell. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Whether the value at a path is a secret: by the table, or a server's header or variable with such a name. */
export function isSecretPath(path: KeyPath): boolean {
  if (nodeAt(OPTIONS_SCHEMA, path)?.secret === true) return true;
  const [, , section, name] = path;
  return (section === "env" || section === "headers") && typeof name === "string" && isSecretName(name);
}

/**
 * The secrets in a text that is known to hold some: the text, without an authentication scheme in front, and passwords
 * of addresses in it.
 */
export function secretsOf(text: string): string[] {
  return [text.replace(SCHEME, ""), ...passwordsOf(text)].filter((secret) => secret.length >= MIN_SECRET_CHARS);
}

/** Passwords of addresses such as `postgres://user:password@host` in any text. */
export function passwordsOf(text: string): string[] {
  return [...text.matchAll(USER_INFO)]
    .map((match) => match[1] ?? "")
    .filter((found) => found.length >= MIN_SECRET_CHARS);
}

import { isRecord } from "../../lib/guards.ts";
import type { KeyPath } from "../problem.ts";
import type { Translation } from "./translation.ts";
import { hasAuthorization } from "../authorization-header.ts";

/** Names of a credential that a server reached over HTTP takes as its bearer token. */
const BEARER = /^(?:(?:api|access|auth|bearer)_?)?(?:token|key)$/iu;

/**
 * Translates one `credentials` block: `SERVER: {name: value}`.
 *
 * - To a server's process or container each goes as two variables: its name in capitals (`API_TOKEN`), and with the server's
 *   name in front (`GITHUB_API_TOKEN`). A variable that the server's own `env` sets stays as it is.
 * - To a server that is reached over HTTP `api_token`, `token`, `api_key` and their like go as `Authorization: Bearer …`,
 *   unless its `headers` set that; any other name is a fault.
 * - Those of a server that is not configured are left out with a note, references and all.
 * - `encryption` (`enabled`, `key_file`) is no server: a note says what there is instead.
 */
export function translateCredentials(work: Translation, path: KeyPath): void {
  const block = work.record(path, work.take(path));
  for (const [server, value] of Object.entries(block ?? {})) {
    const from = [...path, server];
    const credentials = work.record(from, value);
    if (credentials === undefined) continue;
    const section = ["mcpServers", "servers"].find((name) => isRecord(work.get([name, server])));
    if (section !== undefined) give(work, [section, server], credentials, from);
    else if (server === "encryption" && ("enabled" in credentials || "key_file" in credentials)) {
      work.note(from, "is not needed: no credential is stored. `runlet secrets` keeps some, always encrypted.");
    } else if (Object.keys(credentials).length > 0) {
      work.note(from, "is not used as no server of this name is configured.");
    }
  }
}

function give(
  work: Translation,
  server: KeyPath,
  credentials: Readonly<Record<string, unknown>>,
  block: KeyPath,
): void {
  const overHttp = work.get([...server, "url"]) !== undefined;
  for (const [name, value] of Object.entries(credentials)) {
    const from = [...block, name];
    if (value === null) continue;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      work.fault(from, "must be text", Array.isArray(value) ? "a list" : typeof value, "Write `name: value`.");
    } else if (!overHttp) {
      const own = variableName(name);
      for (const variable of new Set([own, `${variableName(String(server[1]))}_${own}`])) {
        putSecret(work, [...server, "env", variable], value, from);
      }
    } else if (BEARER.test(name)) {
      if (!hasAuthorization(work.get([...server, "headers"])))
        putSecret(work, [...server, "headers", "Authorization"], `Bearer ${value}`, from);
    } else {
      const rule = "must be api_token, token or api_key for a server that is reached over HTTP";
      work.fault(from, rule, "another name", `Write it as a header of the server: ${server.join(".")}.headers.`);
    }
  }
}

function putSecret(work: Translation, to: KeyPath, value: unknown, from: KeyPath): void {
  if (work.get(to) !== undefined) return;
  work.put(to, value, from);
  work.secretPaths.push(to);
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9_]/gu, "_");
}

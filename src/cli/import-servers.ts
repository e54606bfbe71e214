import { isDeepStrictEqual } from "node:util";
import { inputVariable } from "../config/expand.ts";
import { isSecretName, passwordsOf } from "../config/secret-names.ts";
import { NAME_RULE } from "../config/schema.ts";
import { isRecord } from "../lib/guards.ts";
import type { ConfigEdit } from "./edit-config.ts";

type Tree = Readonly<Record<string, unknown>>;

/** What an import would change, and what people should know of it. Holds no secret but in `edits`. */
export interface ServerImport {
  readonly edits: readonly ConfigEdit[];
  /** Names of the servers that are added, as they are to be called. */
  readonly added: readonly string[];
  /** One sentence each. */
  readonly notes: readonly string[];
  /** Why nothing can be imported as it is; one sentence each. */
  readonly faults: readonly string[];
}

/** Blocks of another gateway's file that our own file understands as they are. */
const BLOCKS = ["gateway", "access_control", "credentials"] as const;

/**
 * Plans to take the servers of another program's file into ours. Servers are under `mcpServers` (Claude, Cursor,
 * `.mcp.json`), `servers` (VS Code's `mcp.json`) or `mcp.servers` (VS Code's settings); Docker-style blocks are taken as they are.
 *
 * @param source The other file's content.
 * @param target Our file's content.
 * @param options `rename`: a name that is taken gets a number; else it is a fault.
 */
export function planImport(source: Tree, target: Tree, options: { readonly rename: boolean }): ServerImport {
  const edits: ConfigEdit[] = [];
  const notes: string[] = [];
  const faults: string[] = [];
  const added: string[] = [];
  const section = sectionFor(target);
  const taken = new Map([...entriesOf(target["mcpServers"]), ...entriesOf(target["servers"])]);
  for (const [written, server] of serversOf(source)) {
    const wanted = plainName(written);
    if (!isRecord(server)) faults.push(`${written} is no server: it must be an object.`);
    else if (isSame(taken.get(wanted), server)) notes.push(`${wanted} is there already.`);
    else if (taken.has(wanted) && !options.rename) {
      faults.push(`${wanted} is there already with other settings. Remove one of the two, or import with --rename.`);
    } else {
      const name = freeName(wanted, taken);
      if (name !== written) notes.push(`${written} is called ${name} here.`);
      taken.set(name, server);
      added.push(name);
      edits.push({ path: [section, name], value: server });
      notes.push(...secretNotes(name, server), ...inputNotes(name, server, source["inputs"]));
    }
  }
  for (const block of BLOCKS.filter((key) => source[key] !== undefined)) {
    if (target[block] === undefined) edits.push({ path: [block], value: source[block] });
    else if (!isSame(target[block], source[block])) faults.push(`${block} is there already. Merge the two by hand.`);
  }
  if (edits.length === 0 && notes.length === 0 && faults.length === 0)
    faults.push("It has no servers: nothing under mcpServers, servers or mcp.servers.");
  return { edits, added, notes, faults };
}

/** Parsers differ in what objects they make. */
function isSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;
  return isDeepStrictEqual(plain(a), plain(b));
}

/** Where our file keeps its servers. */
export function sectionFor(target: Tree): "mcpServers" | "servers" {
  return isRecord(target["servers"]) && !isRecord(target["mcpServers"]) ? "servers" : "mcpServers";
}

function serversOf(source: Tree): [string, unknown][] {
  const settings = isRecord(source["mcp"]) ? source["mcp"]["servers"] : undefined;
  return [source["mcpServers"], source["servers"], settings].flatMap(entriesOf);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

/** A name that our configuration takes: other programs allow spaces. */
function plainName(written: string): string {
  if (NAME_RULE.server.test(written)) return written;
  const plain = written
    .trim()
    .replaceAll(/[\p{C}\p{Z}]+/gu, "-")
    .replaceAll(/_{2,}/gu, "_")
    .slice(0, 60);
  return plain === "" ? "server" : plain;
}

function freeName(wanted: string, taken: ReadonlyMap<string, unknown>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
  return name;
}

/**
 * What to say of secrets that are written out in a server's entry. Never says the secret.
 *
 * @param name The server's.
 */
export function secretNotes(name: string, server: Tree): string[] {
  const told: string[] = [];
  for (const section of ["env", "headers"]) {
    for (const [key, value] of entriesOf(server[section])) {
      if (typeof value === "string" && isLiteral(value) && (isSecretName(key) || passwordsOf(value).length > 0))
        told.push(`${section}.${key}`);
    }
  }
  const args: readonly unknown[] = Array.isArray(server["args"]) ? server["args"] : [];
  for (const [index, arg] of args.entries()) {
    if (typeof arg !== "string" || !isLiteral(arg)) continue;
    const before = args[index - 1];
    const flag = /^--?(?<flag>[^=]+)=./u.exec(arg)?.groups?.["flag"];
    const follows =
      typeof before === "string" && /^--?[^=]+$/u.test(before) && !arg.startsWith("-") && isSecretName(before);
    if (follows || (flag !== undefined && isSecretName(flag)) || passwordsOf(arg).length > 0)
      told.push(`args[${index}]`);
  }
  return told.map((place) => {
    const secret = `${name}_${place}`
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/gu, "_")
      .replace(/_$/u, "");
    return `${name}: ${place} holds a secret in plain text. Run \`runlet secrets set ${secret}\`, and write \${secret:${secret}} instead of it.`;
  });
}

function isLiteral(value: string): boolean {
  return value !== "" && !value.includes("${");
}

function inputNotes(name: string, server: Tree, inputs: unknown): string[] {
  const ids = new Set([...JSON.stringify(server).matchAll(/\$\{input:([^}"]+)\}/gu)].map((match) => match[1] ?? ""));
  const known: readonly unknown[] = Array.isArray(inputs) ? inputs : [];
  return [...ids].map((id) => {
    const input = known.find((one) => isRecord(one) && one["id"] === id);
    const words = isRecord(input) && typeof input["description"] === "string" ? ` (${input["description"]})` : "";
    return `${name} needs the environment variable ${inputVariable(id)}${words}.`;
  });
}

import { access, constants, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import type { Config, HttpConfig } from "../../config/config.ts";
import { RunletError } from "../../lib/errors.ts";
import { parseJson } from "../../lib/json.ts";
import { isRecord } from "../../lib/guards.ts";
import { isHeldElsewhere } from "../../store/sqlite/open-database.ts";
import type { PinRecord } from "../../store/pin-store.ts";
import { readDatabase } from "../../store/sqlite/read-database.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";
import { portOwner } from "./port-owner.ts";

const { ok, warn, fail } = checksOf("configuration");
const ANSWER_MS = 1_000;
const MIB = 1024 * 1024;
/** Less than this fills up within days. */
const LITTLE_SPACE_MIB = 100;

/**
 * File systems by the number that Linux has for them; those over a network do not keep SQLite's promises.
 *
 * @source Linux `include/uapi/linux/magic.h`, and `fs/smb/client/cifsfs.c`
 */
const FILE_SYSTEMS: ReadonlyMap<number, { readonly name: string; readonly remote?: true }> = new Map([
  [0xef53, { name: "ext4" }],
  [0x58465342, { name: "xfs" }],
  [0x9123683e, { name: "btrfs" }],
  [0x01021994, { name: "tmpfs (gone with the machine's memory)" }],
  [0x794c7630, { name: "overlay (gone with its container)" }],
  [0x6969, { name: "NFS", remote: true }],
  [0xff534d42, { name: "CIFS", remote: true }],
  [0xfe534d42, { name: "SMB", remote: true }],
  [0x00c36400, { name: "Ceph", remote: true }],
  [0x01021997, { name: "9p", remote: true }],
]);

/** What the places say that a service would use, and the pins that are kept there. */
export interface PlaceFindings {
  readonly checks: readonly HealthCheck[];
  /** What servers are held to. */
  readonly pins: readonly PinRecord[];
}

/** Whether the address can be listened on, and files be written. Looks only: what a service would make there is not made. */
export async function placeChecks({ http, dataDir, auditFile }: Config): Promise<PlaceFindings> {
  const { check, pins } = await databaseCheck(dataDir);
  const audit = auditFile === undefined ? dataDir : dirname(auditFile);
  return {
    checks: [
      await portCheck(http),
      await dataCheck(dataDir),
      ...check,
      ...(audit === dataDir ? [] : [await folderCheck("audit", audit, "audit.file")]),
    ],
    pins,
  };
}

async function portCheck({ host, port }: HttpConfig): Promise<HealthCheck> {
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = await listenOnce(host, port);
  if (code === undefined) return ok("port", `${at} is free`);
  if (code === "EADDRINUSE") {
    const other = "Stop what listens there, or choose another with `--port` or `port`.";
    const owner = portOwner(port);
    const who = owner === undefined ? "" : `: ${owner}`;
    if (!(await isRunlet(at))) return fail("port", `${at} is taken by another program${who}`, other);
    return warn(
      "port",
      `${at} is taken by a Runlet service that runs${who}`,
      `If it is not the one that is meant: ${other}`,
    );
  }
  if (code === "EACCES") return fail("port", `${at} needs privileges`, "Choose a port above 1023.");
  return fail("port", `${at} cannot be listened on: ${code}`, "Set host to an address of this machine.");
}

/** @returns The system's code when it cannot be listened on. */
function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

async function isRunlet(at: string): Promise<boolean> {
  const url = `http://${at.replace(/^0\.0\.0\.0:/u, "127.0.0.1:").replace(/^\[::\]:/u, "[::1]:")}/healthz`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "error" });
    const body = parseJson(await answer.text())?.value;
    return isRecord(body) && body["status"] === "ok" && typeof body["version"] === "string";
  } catch {
    // Whatever it is, it does not answer as we do.
    return false;
  }
}

async function dataCheck(dataDir: string): Promise<HealthCheck> {
  if (dataDir === ":memory:") return ok("data", ":memory: (runs and results end with the service)");
  return folderCheck("data", dataDir, "dataDir");
}

async function folderCheck(name: string, path: string, key: string): Promise<HealthCheck> {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      await access(folder, constants.W_OK | constants.X_OK);
      return await roomCheck(name, folder === path ? path : `${path} (will be made)`, folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" && folder !== dirname(folder)) continue;
      const remedy = `Give this user the folder, or set ${key} to another.`;
      return fail(name, `${folder} cannot be written: ${code ?? String(error)}`, remedy);
    }
  }
}

async function roomCheck(name: string, what: string, folder: string): Promise<HealthCheck> {
  const { type, bavail, bsize } = await statfs(folder);
  const kind = process.platform === "linux" ? FILE_SYSTEMS.get(type) : undefined;
  const freeMiB = Math.floor((bavail * bsize) / MIB);
  const detail = `${what}${kind === undefined ? "" : `, on ${kind.name}`}, ${freeMiB} MiB free`;
  if (kind?.remote === true)
    return warn(
      name,
      detail,
      "Set it to a local folder: SQLite needs locks that file systems of a network do not keep.",
    );
  return freeMiB < LITTLE_SPACE_MIB ? warn(name, detail, "Make room, or set it to another folder.") : ok(name, detail);
}

async function databaseCheck(
  dataDir: string,
): Promise<{ readonly check: readonly HealthCheck[]; readonly pins: readonly PinRecord[] }> {
  if (dataDir === ":memory:") return { check: [], pins: [] };
  try {
    const look = await readDatabase(dataDir);
    if (look === undefined) return { check: [], pins: [] };
    const { version, newest, pins } = look;
    const later = version < newest ? `; the next start brings it to ${newest}` : "";
    return { check: [ok("database", `schema ${version}${later}`)], pins };
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    const remedy = "Do what it says; `dataDir` names another folder.";
    if (!isHeldElsewhere(error)) return { check: [fail("database", error.message, remedy)], pins: [] };
    const detail = "another process holds it: servers are not compared with their pins";
    const check = warn("database", detail, "Stop that process, or ask it: `runlet pins list`.");
    return { check: [check], pins: [] };
  }
}

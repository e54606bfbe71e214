import { isRecord } from "../../lib/guards.ts";
import type { KeyPath } from "../problem.ts";
import { translateRates } from "./rate-limits.ts";
import type { Translation } from "./translation.ts";

const POLICIES = ["deny", "allow"] as const;

/**
 * Translates one `access_control` block. Its clients become `clients`; one without a `key` is `unverified`, for these
 * gateways know clients by name only. `default_policy: deny` (also when missing) gives a client the servers that it names
 * and no others; `allow` gives a client that names none all of them, and lets in callers that are no listed client.
 */
export function translateAccess(work: Translation, path: KeyPath): void {
  const value = work.take(path);
  if (value === undefined) return;
  const block = work.record(path, value);
  if (block === undefined) return;
  const { enabled = true, default_policy: policy = "deny", clients: listed, ...others } = block;
  for (const key of Object.keys(others)) {
    const rule = "is not a known key, and a rule that is not understood is not kept";
    work.fault([...path, key], rule, "set", "Known keys are enabled, default_policy, clients.");
  }
  if (typeof enabled !== "boolean") {
    work.fault([...path, "enabled"], "must be true or false", "neither", "Write true or false, not a reference.");
    return;
  }
  const known = POLICIES.find((word) => word === policy);
  if (known === undefined) {
    const at = [...path, "default_policy"];
    work.fault(at, "must be one of deny, allow", "neither", "Write the word, not a reference.");
    return;
  }
  const clients = work.record([...path, "clients"], listed);
  if (clients === undefined) return;
  if (!enabled) {
    if (Object.keys(clients).length > 0) work.note(path, "is not enabled: its clients and their rules do not hold.");
    return;
  }
  addClients(work, path, known, clients);
}

function addClients(
  work: Translation,
  path: KeyPath,
  policy: (typeof POLICIES)[number],
  clients: Readonly<Record<string, unknown>>,
): void {
  if (policy === "deny" && Object.keys(clients).length === 0 && !isRecord(work.get(["clients"]))) {
    const rule = "must name clients when its default_policy is deny, for nobody could call";
    work.fault(path, rule, "no clients", "Add clients, or write `enabled: false`.");
  }
  if (policy === "allow" && Object.keys(clients).length > 0) {
    if (work.get(["defaultPolicy"]) === undefined) work.put(["defaultPolicy"], policy, [...path, "default_policy"]);
  }
  for (const [name, value] of Object.entries(clients)) {
    const from = [...path, "clients", name];
    const to = ["clients", name];
    const client = work.record(from, value);
    if (client === undefined) continue;
    if (work.get(to) !== undefined) {
      work.fault(from, `must be in one place, and clients has ${name} too`, "both", "Keep one of them.");
      continue;
    }
    work.put(to, client, from);
    translateClient(work, to);
    if (work.get([...to, "key"]) === undefined) work.put([...to, "unverified"], true, from);
    if (policy === "deny") closeServers(work, to, from);
  }
}

/** Who names no servers gets those whose tools it names: the policy is to deny. */
function closeServers(work: Translation, to: KeyPath, from: KeyPath): void {
  if (work.get([...to, "servers"]) !== undefined) return;
  const tools = work.get([...to, "tools"]);
  const servers = isRecord(tools) ? Object.keys(tools) : [];
  work.put([...to, "servers"], servers, from);
  if (servers.length === 0) work.note(from, "may use nothing: it has no allowed_servers, and the policy is to deny.");
}

/** Translates keys of other gateways in each entry of our own `clients`. */
export function translateClients(work: Translation): void {
  const clients = work.get(["clients"]);
  if (!isRecord(clients)) return;
  for (const [name, client] of Object.entries(clients)) if (isRecord(client)) translateClient(work, ["clients", name]);
}

function translateClient(work: Translation, path: KeyPath): void {
  rename(work, path, "allowed_servers", "servers");
  rename(work, path, "allowed_tools", "tools");
  translateRates(work, path);
}

function rename(work: Translation, path: KeyPath, from: string, to: string): void {
  const value = work.take([...path, from]);
  if (value === undefined) return;
  if (work.get([...path, to]) === undefined) work.put([...path, to], value, [...path, from]);
  else work.fault([...path, from], `must be in one place, and is ${to} by another name`, "both", "Keep one of them.");
}

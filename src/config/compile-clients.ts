import { matchesGlob } from "../lib/glob.ts";
import { compileClientToken, compileExpiry } from "./compile-auth.ts";
import { compileQuotas } from "./compile-quotas.ts";
import type { ClientConfig } from "./config.ts";
import type { FaultReport } from "./fault-report.ts";
import type { ClientOptions, Options } from "./options.ts";
import type { AccessRules } from "./principal.ts";
import { CLIENT_KEYS, NAME_RULE } from "./schema.ts";

/** The clients, in the order they are written; two with one key are a fault. */
export function compileClients(options: Options, report: FaultReport): ClientConfig[] {
  const owners = new Map<string, string>();
  return Object.entries(options.clients ?? {}).map(([name, client]) => {
    const path = ["clients", name];
    if (!NAME_RULE.client.test(name)) {
      const rule = "must be named with 1 to 64 letters, digits, dots, dashes, underscores or @";
      report({ path, rule, value: name, remedy: "Rename the client." });
    }
    const keyHashes = compileKeys(name, client, report);
    for (const keyHash of keyHashes) {
      const owner = owners.get(keyHash);
      if (owner !== undefined) {
        const rule = `must be a key of its own, and is that of ${owner}`;
        report({ path: [...path, "key"], rule, value: keyHash, remedy: `Run \`runlet keys create ${name}\`.` });
      }
      owners.set(keyHash, name);
    }
    const access = compileAccess(name, client, options, report);
    const keyExpiresAtMs = compileExpiry(name, client, report);
    const token = compileClientToken(name, client, options, report);
    const quotas = compileQuotas(client.limits, [...path, "limits"], report);
    const limited = Object.keys(quotas).length > 0 ? { quotas } : {};
    const decides = client.approve === undefined ? {} : { approve: client.approve };
    const principal = { id: name, access, admin: client.admin ?? CLIENT_KEYS.admin.default, ...limited, ...decides };
    return { keyHashes, keyExpiresAtMs, token, principal };
  });
}

function compileKeys(name: string, { key, jwt, unverified }: ClientOptions, report: FaultReport): string[] {
  const keys = key === undefined ? [] : [key].flat();
  const remedy = `Run \`runlet keys create ${name}\` and copy the hash it prints, not the key.`;
  if (keys.length === 0 && jwt === undefined && unverified !== true) {
    report({ path: ["clients", name, "key"], rule: "must be set", value: undefined, remedy });
  } else if ((keys.length > 0 || jwt !== undefined) && unverified === true) {
    const rule = `must be false for a client with ${keys.length === 0 ? "tokens" : "a key"}`;
    report({ path: ["clients", name, "unverified"], rule, value: true, remedy: "Remove one of the two." });
  }
  return keys.map((hash) => hash.toLowerCase().replace(/^sha256:/u, ""));
}

function compileAccess(name: string, client: ClientOptions, options: Options, report: FaultReport): AccessRules {
  const servers = { ...options.mcpServers, ...options.servers };
  for (const server of Object.keys(client.tools ?? {})) {
    // One that is named among its servers alike is no slip of this key: it may be attached later.
    if (Object.keys(servers).some((known) => matchesGlob(server, known)) || client.servers?.includes(server)) continue;
    if (/^\*+$/u.test(server)) continue;
    const path = ["clients", name, "tools", server];
    const rule = "must be the name of a configured server, lest the server that is meant is not narrowed";
    const known = Object.keys(servers).join(", ");
    report({ path, rule, value: server, remedy: known === "" ? "There is none yet." : `There are ${known}.` });
  }
  return {
    ...(client.servers === undefined ? {} : { servers: client.servers }),
    ...(client.tools === undefined ? {} : { tools: new Map(Object.entries(client.tools)) }),
    ...(client.classes === undefined ? {} : { classes: client.classes }),
  };
}

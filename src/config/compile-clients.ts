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
    const keyHash = client.key.toLowerCase().replace(/^sha256:/u, "");
    const owner = owners.get(keyHash);
    if (owner !== undefined) {
      const rule = `must be a key of its own, and is that of ${owner}`;
      report({ path: [...path, "key"], rule, value: keyHash, remedy: `Run \`runlet keys create ${name}\`.` });
    }
    owners.set(keyHash, name);
    const access = compileAccess(name, client, options, report);
    return { keyHash, principal: { id: name, access, admin: client.admin ?? CLIENT_KEYS.admin.default } };
  });
}

function compileAccess(name: string, client: ClientOptions, options: Options, report: FaultReport): AccessRules {
  const servers = { ...options.mcpServers, ...options.servers };
  for (const server of Object.keys(client.tools ?? {})) {
    if (Object.hasOwn(servers, server)) continue;
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

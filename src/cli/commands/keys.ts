import { stringify } from "yaml";
import { createClientKey } from "../../config/clients.ts";
import { NAME_RULE } from "../../config/schema.ts";
import { parseArguments } from "../arguments.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";

/** What `runlet keys --help` prints. */
export const KEYS_USAGE = `Usage: runlet keys create NAME [--json]   makes a key for a client; the configuration gets its hash only
`;

/**
 * `runlet keys create NAME [--json]`: a new key, its hash, and the configuration that lets its holder in. Nothing is stored.
 *
 * @param args After `keys`.
 * @returns Exit code: 0; 2 when the command was not understood.
 */
export async function keysCommand(args: readonly string[], io: CliIo): Promise<number> {
  const parsed = parseArguments(args, { json: { type: "boolean" } });
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const [verb, name, ...extra] = parsed.positionals;
  if (verb !== "create")
    return refuse(verb === undefined ? "One name is needed, after create." : `Unknown: keys ${verb}`, io);
  if (name === undefined || extra.length > 0) return refuse("One name is needed.", io);
  if (!NAME_RULE.client.test(name)) {
    return refuse(
      `Cannot name a client ${JSON.stringify(name)} as a name is 1 to 64 letters, digits, dots, dashes, underscores or @.`,
      io,
    );
  }
  const { key, hash } = createClientKey();
  if (parsed.values.get("json") === true) {
    io.stdout(`${JSON.stringify({ name, key, hash })}\n`);
    return EXIT.ok;
  }
  const block = stringify({ clients: { [name]: { key: `sha256:${hash}` } } }, { lineWidth: 0 });
  io.stdout(
    `Key of ${name}, shown once and kept nowhere. Its holder sends it as "Authorization: Bearer KEY".\n\n` +
      `  ${key}\n\nPut this into runlet.yaml:\n\n${block}`,
  );
  return EXIT.ok;
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${KEYS_USAGE}`);
  return EXIT.usage;
}

import { nearestNames } from "../lib/nearest.ts";
import { toPlainLine } from "./doc-text.ts";

const MAX_SHOWN = 100;
const MAX_NAMED = 20;

/**
 * What to tell somebody who named a server that their catalog does not have.
 *
 * @param wrong The name that was written.
 * @param servers The names there are for them.
 */
export function tellUnknownServer(
  wrong: string,
  servers: readonly string[],
): { readonly shown: string; readonly hint: string } {
  const line = toPlainLine(wrong.slice(0, MAX_SHOWN + 1));
  const shown = line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
  const nearest = nearestNames(wrong, servers);
  const names = nearest.length > 0 ? nearest : servers.slice(0, MAX_NAMED);
  const hint =
    names.length === 0 ? "No server is available to you." : `Use one of: ${names.join(", ")}; or leave server out.`;
  return { shown, hint };
}

import { RunletError } from "../../lib/errors.ts";
import type { Found } from "../expand.ts";
import type { KeyPath } from "../problem.ts";
import { openSecrets } from "./secret-store.ts";
import type { Secrets } from "./secret-store.ts";
import type { SecretsPlace } from "./secrets-place.ts";

/** Keys that say where the store is. */
const NEEDED_FIRST: ReadonlySet<unknown> = new Set(["dataDir", "secrets"]);

/** Looks stored secrets up for a configuration; the store is opened for the first one, and once. */
export function secretReader(place: SecretsPlace): (name: string, path: KeyPath) => Found {
  let store: Secrets | undefined;
  let isOpen = false;
  return (name, [section]) => {
    if (NEEDED_FIRST.has(section)) {
      const rule = "is needed to find the store of secrets, and cannot refer to it";
      return { kind: "invalid", rule, remedy: "Use ${NAME} or ${file:PATH}." };
    }
    try {
      if (!isOpen) store = openSecrets(place);
      isOpen = true;
      const text = store?.read(name);
      if (text !== undefined) return { kind: "text", text };
    } catch (error) {
      if (!(error instanceof RunletError)) throw error;
      return { kind: "invalid", rule: "refers to a store of secrets that does not open", remedy: error.message };
    }
    const rule = `needs the secret ${name}, which is not in ${place.file}`;
    return {
      kind: "missing",
      rule,
      remedy: `Run \`runlet secrets set ${name}\`, or write \${secret:${name}:-default}.`,
    };
  };
}

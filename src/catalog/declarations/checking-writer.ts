import { declareForChecking } from "./checking-declarations.ts";
import type { CatalogServer } from "../resolve.ts";

/** Selections of servers whose text is kept: most scripts of a service use the same few. */
const MAX_KEPT = 16;

/** Writes declarations to check scripts against; the selections used last are written once. */
export function createCheckingWriter(servers: readonly CatalogServer[]): (only?: readonly string[]) => string {
  const kept = new Map<string, string>();
  return (only) => {
    const key = JSON.stringify(only ?? null);
    const text = kept.get(key) ?? declareForChecking(servers, only);
    kept.delete(key);
    kept.set(key, text);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    return text;
  };
}

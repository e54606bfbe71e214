import { isRecord } from "../lib/guards.ts";

/** Whether headers, as written or compiled, hold one by which a server knows us, whatever the letters of its name. */
export function hasAuthorization(headers: unknown): boolean {
  return isRecord(headers) && Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
}

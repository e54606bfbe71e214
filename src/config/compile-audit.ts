import { join, resolve } from "node:path";
import type { FaultReport } from "./fault-report.ts";
import type { AuditOptions } from "./options.ts";

/**
 * The file that calls are noted in.
 *
 * @param audit As written, if it is.
 * @returns `undefined` when they are not noted.
 */
export function compileAudit(
  audit: AuditOptions | undefined,
  { dataDir, fileDir }: { readonly dataDir: string; readonly fileDir: string },
  report: FaultReport,
): string | undefined {
  const { file, enabled } = toObject(audit, dataDir !== ":memory:");
  if (!enabled) return undefined;
  if (file !== undefined) return resolve(fileDir, file);
  if (dataDir !== ":memory:") return join(dataDir, "audit.jsonl");
  const rule = "must name a file while dataDir is :memory:";
  report({ path: ["audit"], rule, value: audit, remedy: "Write audit: FILE, or false." });
  return undefined;
}

/** YAML reads `on` and `off` as text. */
function toObject(
  audit: AuditOptions | undefined,
  byDefault: boolean,
): { readonly file?: string; readonly enabled: boolean } {
  if (audit === undefined) return { enabled: byDefault };
  if (typeof audit === "boolean") return { enabled: audit };
  if (typeof audit === "object") return { enabled: true, ...audit };
  return audit === "on" || audit === "off" ? { enabled: audit === "on" } : { file: audit, enabled: true };
}

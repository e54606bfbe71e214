/** What checks are about, in the order in which they are shown. */
export const GROUPS = ["machine", "configuration", "servers", "model"] as const;

/** How a check came out. `failed`: a service of this configuration would not work, or that part of it would not. */
export type HealthStatus = "ok" | "warning" | "failed";

/** One thing a service needs, and whether it is there. The order of members is the one of the JSON. */
export interface HealthCheck {
  readonly group: (typeof GROUPS)[number];
  /** The server or client that it is about; absent where it is about no single one. */
  readonly subject?: string;
  /** What was looked at, such as `port`: one word, the same in every version. */
  readonly name: string;
  readonly status: HealthStatus;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; only where it is not `ok`. */
  readonly remedy?: string;
  /** Where the configuration has it, for what is wrong with one of its keys. */
  readonly place?: { readonly key: string; readonly file?: string; readonly line?: number };
  /** Of a server that was started. */
  readonly facts?: StartFacts;
}

/** What a start of a server showed. */
export interface StartFacts {
  /** Agreed revision of MCP, such as `2026-07-28`. */
  readonly protocol: string | undefined;
  /** Tools that would be served. */
  readonly tools: number;
  /** Tools that would not, each with its reason in the check `tools`. */
  readonly dropped: number;
  /** From nothing to the list of its tools, in milliseconds. */
  readonly ms: number;
}

/** Makes the checks of one group, and of one subject where it has one. */
export interface CheckWriter {
  readonly ok: (name: string, detail: string, facts?: StartFacts) => HealthCheck;
  readonly warn: (name: string, detail: string, remedy: string) => HealthCheck;
  readonly fail: (name: string, detail: string, remedy: string) => HealthCheck;
}

/** A writer of checks. */
export function checksOf(group: HealthCheck["group"], subject?: string): CheckWriter {
  const base = { group, ...(subject === undefined ? {} : { subject }) };
  return {
    ok: (name, detail, facts) => ({ ...base, name, status: "ok", detail, ...(facts && { facts }) }),
    warn: (name, detail, remedy) => ({ ...base, name, status: "warning", detail, remedy }),
    fail: (name, detail, remedy) => ({ ...base, name, status: "failed", detail, remedy }),
  };
}

const WORDS = { ok: "ok", warning: "warn", failed: "fail" } as const satisfies Record<HealthStatus, string>;
const STATUS_WIDTH = 6;
const INDENT = "  ";

/** Checks as lines for people: by group, a remedy under what it is for, and the sum of it all. */
export function checksText(checks: readonly HealthCheck[]): string {
  const groups = GROUPS.flatMap((group) => {
    const own = checks.filter((check) => check.group === group);
    const width = Math.max(...own.map((check) => labelOf(check).length)) + 2;
    return own.length === 0 ? [] : [group, ...own.map((check) => lineOf(check, width))];
  });
  const count = (status: HealthStatus): number => checks.filter((check) => check.status === status).length;
  return `${groups.join("\n")}\n${count("failed")} failed, ${count("warning")} to look at, ${count("ok")} ok\n`;
}

function lineOf(check: HealthCheck, width: number): string {
  const head = `${INDENT}${WORDS[check.status].padEnd(STATUS_WIDTH)}${labelOf(check).padEnd(width)}`;
  const under = (text: string): string => text.replaceAll("\n", `\n${" ".repeat(head.length)}`);
  const remedy = check.remedy === undefined ? "" : `\n${" ".repeat(head.length)}→ ${under(check.remedy)}`;
  return `${head}${under(check.detail)}${remedy}`;
}

function labelOf({ subject, name }: HealthCheck): string {
  return subject === undefined ? name : `${subject}: ${name}`;
}

import type { JsonValue } from "../../lib/guards.ts";
import { runExists } from "../refusals.ts";
import { runSize } from "../run-size.ts";
import type {
  ClaimedRun,
  IdempotencyClaim,
  RunChange,
  RunQuery,
  RunRecord,
  RunStatus,
  RunStore,
  RunTaken,
} from "../run-store.ts";
import { FieldReader, membersOf, pairsOf } from "./fields.ts";
import { GET, INSERT, LIST, TAKE, UPDATE } from "./run-scripts.ts";
import type { ScriptRunner } from "./script.ts";

const STATUSES: ReadonlySet<RunStatus> = new Set<RunStatus>([
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
]);
const SOURCES: ReadonlySet<RunRecord["source"]> = new Set<RunRecord["source"]>(["script", "task"]);
/** Names of what changes, as they are kept. */
const CHANGES = [
  ["status", "status"],
  ["startedAtMs", "startedAtMs"],
  ["endedAtMs", "endedAtMs"],
  ["outcomeJson", "outcome"],
  ["stateJson", "state"],
] as const satisfies readonly (readonly [keyof RunChange, string])[];

/** Runs in Redis. Each write is one script, so it happens as a whole or not at all, and once if it is sent again. */
export class RedisRunStore implements RunStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async insert(run: RunRecord, claim?: IdempotencyClaim): Promise<ClaimedRun | undefined> {
    const { id, principal, status, source, createdAtMs, startedAtMs, endedAtMs, requestJson, attempt } = run;
    const metadata = run.metadata === undefined ? undefined : JSON.stringify(run.metadata);
    const fields = present({ principal, status, source, createdAtMs, startedAtMs, endedAtMs, attempt });
    const texts = present({ outcome: run.outcomeJson, state: run.stateJson, metadata });
    const name = claim === undefined ? "" : claimName(principal, claim.key);
    const digest = claim?.digest ?? "";
    const args = [id, this.#scripts.token(), requestJson, name, digest, fields.length, ...fields, ...texts] as const;
    const [answer, holder] = membersOf(await this.#scripts.run("insert a run", INSERT, ...args));
    if (answer === "exists") throw runExists(id);
    return answer === "claimed" ? toClaimed(String(holder)) : undefined;
  }

  async claimed(principal: string, key: string): Promise<ClaimedRun | undefined> {
    const { client } = this.#scripts;
    const name = `${this.#scripts.prefix}c:${claimName(principal, key)}`;
    const holder = await this.#scripts.use("look an idempotency key up", () => client.get(name));
    return holder === null ? undefined : toClaimed(holder);
  }

  async unclaim(principal: string, key: string): Promise<void> {
    const { client } = this.#scripts;
    const name = `${this.#scripts.prefix}c:${claimName(principal, key)}`;
    await this.#scripts.use("free an idempotency key", () => client.del(name));
  }

  async take(id: string, from: readonly RunStatus[], startedAtMs: number): Promise<RunTaken | undefined> {
    const token = this.#scripts.token();
    const reply = await this.#scripts.run("take a run up", TAKE, id, token, listOf(from), startedAtMs);
    if (reply === null) return undefined;
    const [attempt, started] = membersOf(reply);
    const read = new FieldReader(`run "${id}"`, new Map(Object.entries({ attempt, startedAtMs: started })));
    return { attempt: read.number("attempt"), startedAtMs: read.number("startedAtMs") };
  }

  async update(id: string, from: readonly RunStatus[], change: RunChange, attempt?: number): Promise<boolean> {
    const changes = CHANGES.filter(([member]) => Object.hasOwn(change, member)).flatMap(([member, name]) => {
      const value = change[member];
      // A run is always in some status.
      if (value === undefined) return member === "status" ? [] : [name, "0", ""];
      return [name, "1", value];
    });
    const args = [id, this.#scripts.token(), listOf(from), attempt ?? "", ...changes] as const;
    return (await this.#scripts.run("update a run", UPDATE, ...args)) === 1;
  }

  async get(id: string): Promise<RunRecord | undefined> {
    const reply = await this.#scripts.run("read a run", GET, id);
    return reply === null ? undefined : toRun(id, reply);
  }

  async list(query: RunQuery): Promise<readonly RunRecord[]> {
    return this.#list("list runs", query);
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    const runs = new Map<string, RunRecord>();
    // In this order: a run that is taken up meanwhile is found.
    for (const status of ["queued", "running"] as const) {
      const query = { principal: undefined, status, limit: Number.MAX_SAFE_INTEGER, before: undefined };
      for (const run of await this.#list("list unfinished runs", query)) runs.set(run.id, run);
    }
    return [...runs.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async close(): Promise<void> {
    this.#scripts.close();
  }

  /** One round trip for each page that Redis gives at once. */
  async #list(
    action: string,
    { principal, status, limit, before = "", maxSize }: RunQuery,
  ): Promise<readonly RunRecord[]> {
    const index = indexOf(principal, status);
    const runs: RunRecord[] = [];
    let size = 0;
    for (let cursor = before, isAll = false; !isAll; cursor = runs.at(-1)?.id ?? cursor) {
      const left = maxSize === undefined ? -1 : maxSize - size;
      const reply = await this.#scripts.run(action, LIST, index, cursor, limit - runs.length, left);
      const [done, page] = membersOf(reply);
      for (const entry of membersOf(page)) {
        const [id, fields] = membersOf(entry);
        const run = toRun(String(id), fields);
        size += runSize(run);
        runs.push(run);
      }
      isAll = done === 1;
    }
    return runs;
  }
}

function indexOf(principal: string | undefined, status: RunStatus | undefined): string {
  if (principal !== undefined && status !== undefined) return `z:b:${status}:${principal}`;
  if (principal !== undefined) return `z:p:${principal}`;
  return status === undefined ? "z:a" : `z:s:${status}`;
}

function listOf(statuses: readonly RunStatus[]): string {
  return ` ${statuses.join(" ")} `;
}

/** Names and values one after the other, without those that are not there. */
function present(members: Readonly<Record<string, string | number | undefined>>): readonly (string | number)[] {
  return Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function claimName(principal: string, key: string): string {
  return JSON.stringify([principal, key]);
}

function toClaimed(holder: string): ClaimedRun {
  const at = holder.indexOf("\n");
  return { runId: holder.slice(0, at), digest: holder.slice(at + 1) };
}

function toRun(id: string, reply: unknown): RunRecord {
  const [fields, request, texts] = membersOf(reply);
  const read = new FieldReader(
    `run "${id}"`,
    new Map([...pairsOf(fields), ...pairsOf(texts), ["request", request] as const]),
  );
  return {
    id,
    principal: read.text("principal"),
    status: read.oneOf("status", STATUSES),
    source: read.oneOf("source", SOURCES),
    createdAtMs: read.number("createdAtMs"),
    startedAtMs: read.optionalNumber("startedAtMs"),
    endedAtMs: read.optionalNumber("endedAtMs"),
    requestJson: read.text("request"),
    outcomeJson: read.optionalText("outcome"),
    attempt: read.number("attempt"),
    stateJson: read.optionalText("state"),
    metadata: read.json("metadata") as JsonValue | undefined,
  };
}

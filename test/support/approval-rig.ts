import { join } from "node:path";
import { expect } from "vitest";
import type { RunView } from "../../src/runs/run.ts";
import { readEventsFile } from "./events-file.ts";
import { createFolder, fixtureServer, startService } from "./service.ts";
import type { RunningService, StartOptions } from "./service.ts";
import type { Answer, Problem, ServiceClient } from "./service-client.ts";

/** A run, or a refusal. */
type Decided = RunView & Partial<Pick<Problem, "code" | "details">>;

/** A service whose calls of `tally.write` wait for approval, and what tests of that do with it. */
export interface ApprovalRig {
  /** The one that was started last. */
  readonly service: RunningService;
  /** Makes a folder for the data of one test. */
  readonly begin: () => void;
  /** Starts a service on the folder's data, in place of one that was stopped. */
  readonly start: (options?: StartOptions) => Promise<RunningService>;
  /** Tools that were called, in order, by every process so far. */
  readonly called: () => readonly unknown[];
  /** Posts a script and gives the run once it waits for a decision. */
  readonly paused: (script: string, client?: ServiceClient) => Promise<RunView>;
  /** Decides on calls of a run, with approval where nothing else is said. */
  readonly decide: (id: string, body: object, client?: ServiceClient) => Promise<Answer<Decided>>;
  /** The run once it waits for exactly so many decisions, or has ended; 0: only once it has ended. */
  readonly rested: (id: string, waits: number) => Promise<RunView>;
  /** Ends the service and removes the folder. */
  readonly end: () => Promise<unknown>;
}

/** Makes a rig; `begin` before each test and `end` after it. */
export function createApprovalRig(): ApprovalRig {
  let folder = "";
  let service: RunningService | undefined;
  const running = (): RunningService => service ?? expect.fail("no service was started");
  return {
    get service() {
      return running();
    },
    begin: () => void (folder = createFolder()),
    async start(options = {}) {
      const mcpServers = { tally: fixtureServer("tally", { EVENTS_FILE: join(folder, "events") }) };
      const approvals = [{ server: "tally", tool: "write" }];
      service = await startService({ folder, mcpServers, executors: { processes: 1 }, approvals, ...options });
      return service;
    },
    called: () =>
      readEventsFile(join(folder, "events")).flatMap((event) => (event["event"] === "call" ? [event["tool"]] : [])),
    async paused(script, client = running()) {
      const { status, body } = await client.post<RunView>("/run", { script });
      expect([status, body.status, body.error]).toEqual([202, "waiting", undefined]);
      return body;
    },
    decide: (id, body, client = running()) => client.post(`/runs/${id}/approvals`, { decision: "approve", ...body }),
    async rested(id, waits) {
      let view: RunView | undefined;
      const isSo = async (): Promise<boolean> => {
        view = (await running().get<RunView>(`/runs/${id}`)).body;
        const open = view.approvals?.filter(({ decision }) => decision === undefined).length ?? 0;
        return view.endedAt !== undefined || (view.status === "waiting" && open === waits && waits > 0);
      };
      await expect.poll(isSo, { timeout: 15_000 }).toBe(true);
      return view ?? expect.fail("no run");
    },
    end: () => running().remove(),
  };
}

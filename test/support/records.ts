import type { CallStart } from "../../src/store/journal.ts";
import type { RunRecord } from "../../src/store/run-store.ts";

/** A queued run with nothing special about it, but for what is given. */
export function run(id: string, members: Partial<RunRecord> = {}): RunRecord {
  return {
    id,
    principal: "ann",
    status: "queued",
    source: "script",
    createdAtMs: 1_000,
    startedAtMs: undefined,
    endedAtMs: undefined,
    requestJson: '{"script":"return 1"}',
    outcomeJson: undefined,
    attempt: 0,
    stateJson: undefined,
    metadata: undefined,
    ...members,
  };
}

/** A call as it is journaled when it leaves, of a run that nobody took up. */
export function call(runId: string, seq: number, members: Partial<CallStart> = {}): CallStart {
  return {
    runId,
    seq,
    attempt: 0,
    kind: "tool",
    key: "k",
    server: "files",
    tool: "read_file",
    argumentsJson: '{"path":"/a"}',
    startedAtMs: 2_000 + seq,
    ...members,
  };
}

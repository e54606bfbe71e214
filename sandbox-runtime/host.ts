import type { SandboxLimits } from "../src/bridge/protocol.ts";

/** The one function that leaves the isolate. Fire and forget; strings only. */
export type Send = (type: string, a?: string, b?: string, c?: string) => void;

/** What every part of the runtime works with; reachable by no script. */
export interface Host {
  readonly send: Send;
  readonly limits: SandboxLimits;
  /** Set when the run has ended: nothing is sent after it. */
  ended: boolean;
}

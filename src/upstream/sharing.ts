import type { UpstreamConfig } from "../config/config.ts";
import type { Session } from "./session.ts";
import type { SessionStatus, UpstreamCallOptions } from "./upstream.ts";

/** The partition that all share. */
export const SHARED = "shared";
/** The partition that only listed tools so far: nobody left anything in it, so the first who needs one gets it. */
export const UNUSED = "none";

/** Who is to share state with whom, as a key: those with the same one do. */
export class Sharing {
  readonly #config: UpstreamConfig;
  /** Whether the server keeps state between requests, as far as is known. */
  #isStateful: boolean;
  #lastCall = 0;

  constructor(config: UpstreamConfig) {
    this.#config = config;
    this.#isStateful = config.transport.kind !== "http";
  }

  /** Notes of which kind the server proved to be. @returns Whether what all share is no longer to be shared. */
  learn(session: Session): boolean {
    if (this.#config.lifecycle.sharing !== "auto" || this.#config.transport.kind !== "http") return false;
    this.#isStateful = session.legacy;
    return this.#isStateful;
  }

  /** The key of those who only want to know the tools. */
  get listingKey(): string {
    return this.isShared ? SHARED : UNUSED;
  }

  /** What a caller is and stays during one call; a call without a run is one of its own. */
  callerOf({ principal, runId }: Pick<UpstreamCallOptions, "principal" | "runId">): Caller {
    if (this.#config.lifecycle.sharing === "perRun" && runId === undefined) {
      this.#lastCall += 1;
      return { principal, run: `call:${this.#lastCall}`, isOnlyCall: true };
    }
    return { principal, run: runKey(runId ?? ""), isOnlyCall: false };
  }

  /** The key of a caller now: until the server was reached it is not known whether it keeps state. */
  keyOf(caller: Caller): string {
    if (this.isShared) return SHARED;
    return this.#config.lifecycle.sharing === "perRun" ? caller.run : `principal:${caller.principal}`;
  }

  /** Whether all share one partition, as far as is known now. */
  get isShared(): boolean {
    const { sharing } = this.#config.lifecycle;
    return sharing === "shared" || (sharing === "auto" && !this.#isStateful);
  }
}

/** Who makes a call. */
export interface Caller {
  readonly principal: string;
  /** Key of its run. */
  readonly run: string;
  /** Whether the run is this call. */
  readonly isOnlyCall: boolean;
}

/** The key of a run's partition. */
export function runKey(runId: string): string {
  return `run:${runId}`;
}

/** Whose a partition is, without saying who that is. */
export function ownerOf(key: string): SessionStatus["owner"] {
  if (key === SHARED) return "shared";
  if (key === UNUSED) return "none";
  return key.startsWith("principal:") ? "principal" : "run";
}

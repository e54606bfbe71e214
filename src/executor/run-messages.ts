import { MAX_KEPT_NAMES } from "../bridge/protocol.ts";
import type { RunMessage } from "../bridge/protocol.ts";
import { runnableText } from "../script/body-wrapper.ts";
import type { ExecutionRequest } from "./executor.ts";
import { seedOf } from "./run-seed.ts";

/** Writes the messages that start runs; lists of names are sent as numbers, which processes learn once. */
export class RunMessages {
  /** Numbers of the names that scripts see; never used again for others. */
  readonly #names = new Map<string, number>();
  #nextNames = 1;

  /** @param run The run's number. @param nowMs In ms since the epoch. */
  of(run: number, request: ExecutionRequest, nowMs: number): RunMessage {
    const { script, limits, inputJson, namesJson, clock } = request;
    return {
      type: "run",
      run,
      code: runnableText(script),
      start: {
        limits,
        tracked: script.tracker !== undefined,
        sameLines: script.sameLines,
        ...seedOf(clock, request),
      },
      ...(inputJson === undefined ? {} : { input: inputJson }),
      names: this.#numberOf(namesJson),
      wallMs: limits.wallMs,
      cpuMs: limits.cpuMs,
      memoryMiB: limits.memoryMiB,
      nowMs,
    };
  }

  /** The same number for the same names, for as long as they are in use. */
  #numberOf(namesJson: string): number {
    let number = this.#names.get(namesJson);
    if (number === undefined) {
      if (this.#names.size >= MAX_KEPT_NAMES) this.#names.clear();
      number = this.#nextNames++;
      this.#names.set(namesJson, number);
    }
    return number;
  }
}

import { createHash, randomFillSync } from "node:crypto";
import type { SandboxStart } from "../bridge/protocol.ts";

/** A seeded clock as an execution is asked for it. */
export interface ExecutionClock {
  /** Any text. */
  readonly seed: string;
  /** What the clock reads first, in ms since the epoch. */
  readonly nowMs: number;
}

/**
 * What a script's chance comes from, and its clock where that is seeded: each time new numbers without a clock, the same
 * ones for the same seed with one.
 */
export function seedOf(clock: ExecutionClock | undefined): Pick<SandboxStart, "seed" | "clockMs"> {
  if (clock === undefined) return { seed: toSeed(randomFillSync(new Uint32Array(4))) };
  const digest = createHash("sha256").update(clock.seed).digest();
  return { seed: toSeed([0, 4, 8, 12].map((at) => digest.readUInt32LE(at))), clockMs: clock.nowMs };
}

function toSeed([a = 1, b = 2, c = 3, d = 4]: Iterable<number>): SandboxStart["seed"] {
  return [a, b, c, d];
}

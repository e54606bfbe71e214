import { createHash } from "node:crypto";
import type { SandboxStart } from "../bridge/protocol.ts";

/** A seeded clock as an execution is asked for it. */
export interface ExecutionClock {
  /** Any text. */
  readonly seed: string;
  /** What the clock reads first, in ms since the epoch. */
  readonly nowMs: number;
}

/** What a script's chance and clock come from: the same for the same seed. @param start Of a run whose clock is not seeded. */
export function seedOf(
  clock: ExecutionClock | undefined,
  start: { readonly seed: string; readonly startMs: number },
): Pick<SandboxStart, "seed" | "clockMs" | "seeded"> {
  const digest = createHash("sha256")
    .update(clock?.seed ?? start.seed)
    .digest();
  const seed = toSeed([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)));
  return { seed, clockMs: clock?.nowMs ?? start.startMs, seeded: clock !== undefined };
}

function toSeed([a = 1, b = 2, c = 3, d = 4]: Iterable<number>): SandboxStart["seed"] {
  return [a, b, c, d];
}

import { existsSync, readFileSync } from "node:fs";
import type { FixtureEvent } from "./upstreams.ts";

/** What fixture servers wrote to their events file so far, in order. */
export function readEventsFile(file: string): readonly FixtureEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as FixtureEvent);
}

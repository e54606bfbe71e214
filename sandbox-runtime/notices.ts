import type { Host } from "./host.ts";
import { stringSlice } from "./primordials.ts";

/** Notices one run may have, and their longest text: what the host keeps for them beside a script's own lines. */
const MAX_NOTICES = 8;
const MAX_UNITS = 400;

/** Tells a script's caller something that the script itself did not write. */
export type Notify = (text: string) => void;

/**
 * Writes `warn` lines that a script's own output leaves room for, a few of them. Unlike a script's lines they may follow the
 * end of the run: the host takes them until it has put the isolate away.
 */
export function createNotices({ send }: Host): Notify {
  let told = 0;
  return (text) => {
    told++;
    if (told > MAX_NOTICES) return;
    if (told === MAX_NOTICES) send("log", "warn", "More warnings of this kind were dropped");
    else send("log", "warn", text.length > MAX_UNITS ? `${stringSlice(text, 0, MAX_UNITS)}…` : text);
  };
}

import type { Asker } from "../upstream/asker.ts";
import type { StandStill } from "./execution-host.ts";

/** The same asker, while whose answers are awaited a time stands still. */
export function stillAsker(asker: Asker | undefined, standStill: StandStill | undefined): Asker | undefined {
  if (asker === undefined || standStill === undefined) return asker;
  return {
    capabilities: asker.capabilities,
    async ask(question, signal) {
      using _still = standStill();
      return await asker.ask(question, signal);
    },
  };
}

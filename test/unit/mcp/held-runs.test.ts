import { describe, expect, it } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { FollowedRun } from "../../../src/mcp/followed-run.ts";
import { HeldRuns, HOLD_MS } from "../../../src/mcp/held-runs.ts";
import { createFakeRuns } from "../../support/fake-runs.ts";
import { createManualClock } from "../../support/manual-clock.ts";

/** A run that goes on until it is cancelled, held for its caller. */
async function held() {
  const runs = createFakeRuns(
    (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  );
  const clock = createManualClock();
  const holder = new HeldRuns(clock, silentLog);
  const { id } = await runs.submit(LOCAL_PRINCIPAL, { script: "x" });
  const run = new FollowedRun(
    { runs, log: silentLog },
    { principal: LOCAL_PRINCIPAL, id, answerBytes: 1, rounds: undefined },
  );
  const status = async () => (await runs.get(LOCAL_PRINCIPAL, id)).status;
  return { clock, holder, run, status, state: holder.hold(run) };
}

describe("a held run", () => {
  it("is given back to its caller once, and to nobody else", async () => {
    const { holder, run, state } = await held();
    expect(holder.take("somebody", state)).toBeUndefined();
    expect(holder.take(LOCAL_PRINCIPAL.id, state)).toBe(run);
    expect(holder.take(LOCAL_PRINCIPAL.id, state)).toBeUndefined();
    await run.cancel();
  });

  it("is cancelled when its caller does not come back in time", async () => {
    const { clock, holder, state, status } = await held();
    clock.advance(HOLD_MS - 1);
    expect(await status()).not.toBe("cancelled");
    clock.advance(1);
    await expect.poll(status).toBe("cancelled");
    expect(holder.take(LOCAL_PRINCIPAL.id, state)).toBeUndefined();
  });

  it("that was given back is not cancelled any more", async () => {
    const { clock, holder, run, state, status } = await held();
    holder.take(LOCAL_PRINCIPAL.id, state);
    clock.advance(HOLD_MS * 2);
    expect(await status()).not.toBe("cancelled");
    await run.cancel();
  });

  it("is cancelled when the connection of its caller ends", async () => {
    const { holder, status } = await held();
    await holder.close();
    expect(await status()).toBe("cancelled");
  });
});

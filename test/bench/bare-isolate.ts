/** Baseline, in a process of its own: a new isolate, a new context, one `eval`. Answers each message with its time in ms. */
import ivm from "isolated-vm";

process.on("message", () => {
  void measure().then((ms) => process.send?.(ms));
});

async function measure(): Promise<number> {
  const startedAt = performance.now();
  const isolate = new ivm.Isolate({ memoryLimit: 64 });
  const context = await isolate.createContext();
  const value: unknown = await context.eval("1+1", { timeout: 1_000 });
  const ms = performance.now() - startedAt;
  isolate.dispose();
  if (value !== 2) throw new Error(`the baseline answered ${String(value)}`);
  return ms;
}

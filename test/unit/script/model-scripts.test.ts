import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Answer } from "../../support/hosts.ts";
import { errorInfo, RunletError } from "../../../src/lib/errors.ts";
import type { ErrorInfo } from "../../../src/lib/errors.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";
import { explainError } from "../../../src/script/explain-error.ts";
import { useExecutor } from "../../support/executor.ts";
import { placeOf, unmarked } from "./marked-place.ts";
import { prepare } from "./run-script.ts";

/** One text as a model sends it; `▶` in a script with an `error` marks the place that must be told and is not sent. */
interface ModelScript {
  /** The rule it is about, N1 to N15: see the README beside the data. */
  readonly row: string;
  readonly claim: string;
  readonly script: string;
  /** Absent: it succeeds without a value. */
  readonly result?: unknown;
  /** `says` and `hint` are parts of the error's texts. */
  readonly error?: { readonly code: string; readonly says?: string; readonly hint?: string };
}

const FILE = new URL("../../fixtures/data/model-scripts.json", import.meta.url);
const scripts = JSON.parse(readFileSync(FILE, "utf8")) as readonly ModelScript[];
const executor = useExecutor();
const options = {
  input: { city: "Oslo" },
  names: { box: ["echo"] },
  answer: (_: readonly string[], args: readonly unknown[]): Answer => ({ ok: true, json: JSON.stringify(args[0]) }),
};

/** Prepares and runs a text as a run does. */
async function perform(text: string): Promise<{ readonly result: unknown; readonly error: ErrorInfo | undefined }> {
  try {
    const script = await prepare(text);
    const { result, error } = await executor.run(script, options);
    return { result, error: error === undefined ? undefined : explainError(error, script, createSnapshot([])) };
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    return { result: undefined, error: errorInfo(error.code, error.message, error.context) };
  }
}

describe.each(
  Map.groupBy(scripts, ({ row }) => row)
    .entries()
    .toArray(),
)("%s, as models write it", (_, rows) => {
  const good = rows.filter(({ error }) => error === undefined);
  it.each(good)("$claim", async ({ script, result }) => {
    expect(await perform(script)).toEqual({ error: undefined, result });
  });

  const faulty = rows.filter(({ error }) => error !== undefined);
  it.skipIf(faulty.length === 0).each(faulty)("is refused: $claim", async ({ script, error }) => {
    const told = await perform(unmarked(script));
    expect(told.error).toMatchObject({ code: error?.code, ...placeOf(script) });
    expect(told.error?.message).toContain(error?.says ?? "");
    expect(told.error?.hint ?? "").toContain(error?.hint ?? "");
  });
});

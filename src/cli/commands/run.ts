import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { text as readStream } from "node:stream/consumers";
import { LOCAL_PRINCIPAL } from "../../config/principal.ts";
import type { JsonValue } from "../../lib/guards.ts";
import { toErrorInfo } from "../../lib/errors.ts";
import { parseJson } from "../../lib/json.ts";
import type { RunRequest, RunView } from "../../runs/run.ts";
import { createService } from "../../service.ts";
import type { Service } from "../../service.ts";
import { parseArguments } from "../arguments.ts";
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { formatRun } from "../run-text.ts";
import { readWhole } from "../whole-result.ts";
import { BY_ITSELF, CONFIG_FLAGS, CONFIG_FLAGS_TEXT, loadSettings, tellUnpinned } from "../settings.ts";

/** What `runlet run --help` prints. */
export const RUN_USAGE = `Usage: runlet run FILE|- [--input JSON] [--json]   runs one script without a server

  --input JSON          What the script sees as \`input\`.
  --check none|names|types
                        What is looked for before anything runs: nothing, unknown tools and wrong arguments, or also
                        what types show must fail. Default: names.
  --seed TEXT           Time and chance from a seed: the same script, input and tool answers give the same run.
  --now TIME            What a seeded clock reads at first, such as 2026-01-31T12:00:00Z. Default: the time of the start.
  --output-schema FILE  JSON Schema that the result must satisfy.
  --json                The whole run as JSON on standard output.
${CONFIG_FLAGS_TEXT}`;
/** Largest result that is written on many lines: indented, a deep one can be five hundred times as large. */
const MAX_INDENTED_BYTES = 256 * 1024;
const OWN_FLAGS = {
  input: { type: "string" },
  json: { type: "boolean" },
  check: { type: "string" },
  seed: { type: "string" },
  now: { type: "string" },
  "output-schema": { type: "string" },
} as const;
const LONGEST_RUN_MS = 24 * 3_600_000;

/**
 * `runlet run FILE|-`: runs one script without a server. The result goes to stdout, logs and the table of calls to stderr;
 * with `--json` the whole run goes to stdout.
 *
 * @param args After `run`.
 * @param stopped Aborts on SIGINT and SIGTERM: the run is cancelled.
 * @returns 0 when the run succeeded, 1 when it did not, 2 when the command was not understood.
 */
export async function runCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, { ...CONFIG_FLAGS, ...OWN_FLAGS });
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const [file, ...extra] = parsed.positionals;
  if (file === undefined || extra.length > 0) return refuse("One file is needed, or - for standard input.", io);
  const inputText = parsed.values.get("input");
  const input = typeof inputText === "string" ? parseJson(inputText) : undefined;
  if (typeof inputText === "string" && input === undefined) return refuse("--input must be JSON.", io);
  const check = parsed.values.get("check");
  if (check !== undefined && !isCheck(check)) return refuse("--check must be none, names or types.", io);
  const clock = readClock(parsed.values);
  const schemaFile = parsed.values.get("output-schema");
  const schemaText = typeof schemaFile === "string" ? await readText(schemaFile, io, stopped) : undefined;
  if (typeof schemaFile === "string" && schemaText === undefined) return EXIT.usage;
  const outputSchema = schemaText === undefined ? undefined : parseJson(schemaText);
  if (schemaText !== undefined && outputSchema === undefined)
    return refuse("--output-schema must name a JSON file.", io);
  const script = await readText(file, io, stopped);
  if (script === undefined) return EXIT.usage;
  const { config, warnings } = loadSettings(parsed.values, io, { logLevel: "warn" });
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  tellUnpinned(config, io);
  closeInheritedDescriptors();
  // One run: it has a process, and nobody waits for another.
  const executors = { ...config.executors, processes: 1 };
  const service = await createService({ ...config, ...BY_ITSELF, executors }, { spares: 0 });
  try {
    const { id } = await service.runs.submit(LOCAL_PRINCIPAL, {
      script,
      ...(input === undefined ? {} : { input: input.value as JsonValue }),
      ...(check === undefined ? {} : { check }),
      ...(clock === undefined ? {} : { clock }),
      ...(outputSchema === undefined ? {} : { outputSchema: outputSchema.value as JsonValue }),
    });
    cancelWhenStopped(service, id, stopped, io);
    const run = await service.runs.wait(LOCAL_PRINCIPAL, id, { maxWaitMs: LONGEST_RUN_MS });
    report(await readWhole(service.runs, run), parsed.values.get("json") === true, io);
    return run.status === "succeeded" ? EXIT.ok : EXIT.failed;
  } finally {
    await service.close();
  }
}

function readClock(values: ReadonlyMap<string, unknown>): RunRequest["clock"] {
  const [seed, now] = [values.get("seed"), values.get("now")];
  if (seed === undefined && now === undefined) return undefined;
  return { ...(typeof seed === "string" ? { seed } : {}), ...(typeof now === "string" ? { now } : {}) };
}

function isCheck(value: unknown): value is NonNullable<RunRequest["check"]> {
  return value === "none" || value === "names" || value === "types";
}

function cancelWhenStopped(service: Service, id: string, stopped: AbortSignal, io: CliIo): void {
  const cancel = (): void => {
    service.runs.cancel(LOCAL_PRINCIPAL, id).catch((error: unknown) => {
      // It may have ended just before.
      const info = toErrorInfo(error);
      if (info.code !== "RUN_ENDED") io.stderr(`Cannot cancel the run: ${info.message}\n`);
    });
  };
  if (stopped.aborted) cancel();
  else stopped.addEventListener("abort", cancel, { once: true });
}

async function readText(file: string, io: CliIo, stopped: AbortSignal): Promise<string | undefined> {
  try {
    if (file === "-") return await readStream(addAbortSignal(stopped, process.stdin));
    return await readFile(resolve(io.cwd, file), "utf8");
  } catch (error) {
    io.stderr(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function report({ wholeKept, ...run }: RunView, asJson: boolean, io: CliIo): void {
  const indent = (run.resultBytes ?? 0) > MAX_INDENTED_BYTES ? 0 : 2;
  if (run.truncated === true && wholeKept !== true)
    io.stderr(`warning: this is a part of the result's ${run.resultBytes ?? 0} bytes; the whole could not be kept\n`);
  if (asJson) {
    io.stdout(`${JSON.stringify(run, null, indent)}\n`);
    return;
  }
  const { result, about } = formatRun(run, indent);
  io.stderr(about);
  io.stdout(result);
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${RUN_USAGE.split("\n")[0] ?? ""}\n`);
  return EXIT.usage;
}

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { callPages, runPage, runRow } from "../answered-run-text.ts";
import { readRun, recordsOf } from "../answered-run.ts";
import { parseArguments } from "../arguments.ts";
import { runningService, SERVICE_FLAGS, SERVICE_FLAGS_TEXT, ServiceRefusal } from "../http-caller.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT } from "../settings.ts";
import { findVerb, reportRefusal } from "../verbs.ts";
import type { VerbRequest } from "../verbs.ts";
import { approveCalls, denyCalls } from "./runs-decide.ts";

const USAGE = `Usage: runlet runs list [--status STATUS] [--limit N]
       runlet runs show ID [--calls]
       runlet runs cancel ID
       runlet runs approve ID [--call N|--all] [--grant TOOL [--server SERVER] [--times N] [--match JSON]]
       runlet runs deny ID [--call N|--all] [--reason TEXT]
       runlet runs replay ID [--script FILE] [--dry-run] [--wait SECONDS]
`;
/** What `runlet runs --help` prints. */
export const RUNS_USAGE = `${USAGE}
The runs of a service that runs: the one of --url, else where the configuration says that it listens.

  --status STATUS       Only these: queued, running, waiting, succeeded, failed or cancelled.
  --limit N             How many at most. Default: 50.
  --calls               Each call with its arguments and its answer.
  --call N              The call to decide on; not needed where only one waits.
  --all                 Decide on all that wait.
  --grant TOOL          Approve later calls of the run with it: a tool, or a glob of tools.
  --server SERVER       Only tools of this server, or of these by glob.
  --times N             So many calls. Default: any number.
  --match JSON          Only calls whose arguments have these members.
  --reason TEXT         Told to the script.
  --script FILE         Run this instead of the run's own script.
  --dry-run             Refuse calls that the run did not make.
  --wait SECONDS        Wait for the end; the result goes to standard output.
  --json                The answer as JSON on standard output.
${SERVICE_FLAGS_TEXT}${CONFIG_FLAGS_TEXT}`;

const FLAGS = {
  ...CONFIG_FLAGS,
  ...SERVICE_FLAGS,
  status: { type: "string" },
  limit: { type: "string" },
  calls: { type: "boolean" },
  call: { type: "string" },
  all: { type: "boolean" },
  grant: { type: "string" },
  server: { type: "string" },
  times: { type: "string" },
  match: { type: "string" },
  reason: { type: "string" },
  script: { type: "string" },
  "dry-run": { type: "boolean" },
  wait: { type: "string" },
  json: { type: "boolean" },
} as const;

/** Does a verb. @returns Its exit code, or what is wrong with the command in one sentence. */
type Verb = (request: VerbRequest) => Promise<number | string>;

/** Each verb with the flags that are its own. */
const VERBS: ReadonlyMap<string, { readonly work: Verb; readonly flags: readonly string[] }> = new Map([
  ["list", { work: listRuns, flags: ["status", "limit"] }],
  ["show", { work: showRun, flags: ["calls"] }],
  ["cancel", { work: cancelRun, flags: [] }],
  ["approve", { work: approveCalls, flags: ["call", "all", "grant", "server", "times", "match", "reason"] }],
  ["deny", { work: denyCalls, flags: ["call", "all", "reason"] }],
  ["replay", { work: replayRun, flags: ["script", "dry-run", "wait"] }],
]);
const COMMON_FLAGS: ReadonlySet<string> = new Set([...Object.keys({ ...CONFIG_FLAGS, ...SERVICE_FLAGS }), "json"]);

/**
 * `runlet runs VERB`: the runs of a running service.
 *
 * @param args After `runs`.
 * @returns Exit code: 0; 1 when it could not be done, or a replay that was waited for did not succeed; 2 when the command was
 *   not understood.
 */
export async function runsCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const found = findVerb("runs", VERBS, parsed.positionals);
  if ("fault" in found) return refuse(found.fault, io);
  const { verb, rest } = found;
  const foreign = [...parsed.values.keys()].find((flag) => !COMMON_FLAGS.has(flag) && !verb.flags.includes(flag));
  if (foreign !== undefined) return refuse(`--${foreign} does not go with ${parsed.positionals[0] ?? ""}.`, io);
  try {
    const result = await verb.work({ ...parsed, rest, io, stopped });
    return typeof result === "number" ? result : refuse(result, io);
  } catch (error) {
    return reportRefusal(error, io);
  }
}

async function listRuns({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  if (rest.length > 0) return `Unknown: ${rest.join(" ")}`;
  const limit = values.get("limit");
  if (limit !== undefined && !/^[1-9]\d{0,3}$/u.test(String(limit)))
    return "--limit must be a whole number, 1 at least.";
  const query = new URLSearchParams();
  for (const name of ["status", "limit"]) if (values.has(name)) query.set(name, String(values.get(name)));
  const path = query.size === 0 ? "/runs" : `/runs?${query.toString()}`;
  const { runs } = await runningService(values, io, stopped).send("GET", path);
  const list = recordsOf(runs);
  if (values.get("json") === true) io.stdout(`${JSON.stringify(list, null, 2)}\n`);
  else if (list.length === 0) io.stderr("No runs.\n");
  else for (const run of list) io.stdout(runRow(readRun(run)));
  return EXIT.ok;
}

async function showRun({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  const [id, ...extra] = rest;
  if (id === undefined || extra.length > 0) return "One run is needed.";
  const service = runningService(values, io, stopped);
  const path = `/runs/${encodeURIComponent(id)}`;
  const isJson = values.get("json") === true;
  if (values.get("calls") !== true) {
    const run = await service.send("GET", path);
    io.stdout(isJson ? `${JSON.stringify(run, null, 2)}\n` : runPage(readRun(run)));
    return EXIT.ok;
  }
  const all: unknown[] = [];
  for (let cursor: unknown = 0; typeof cursor === "number";) {
    const page = await service.send("GET", `${path}/calls?cursor=${cursor}`);
    if (isJson) all.push(...recordsOf(page["calls"]));
    else io.stdout(callPages(page["calls"]));
    cursor = page["nextCursor"];
  }
  if (isJson) io.stdout(`${JSON.stringify(all, null, 2)}\n`);
  return EXIT.ok;
}

async function cancelRun({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  const [id, ...extra] = rest;
  if (id === undefined || extra.length > 0) return "One run is needed.";
  const run = await runningService(values, io, stopped).send("DELETE", `/runs/${encodeURIComponent(id)}`);
  io.stdout(values.get("json") === true ? `${JSON.stringify(run, null, 2)}\n` : `${id}: ${readRun(run).status}\n`);
  return EXIT.ok;
}

async function replayRun({ values, rest, io, stopped }: VerbRequest): Promise<number | string> {
  const [id, ...extra] = rest;
  if (id === undefined || extra.length > 0) return "One run is needed.";
  const wait = values.get("wait");
  if (wait !== undefined && !/^\d{1,6}$/u.test(String(wait))) return "--wait must be whole seconds.";
  const file = values.get("script");
  const script = typeof file === "string" ? await readScript(file, io) : undefined;
  const body = { ...(script !== undefined && { script }), ...(values.get("dry-run") === true && { dryRun: true }) };
  const headers = wait === undefined ? {} : { prefer: `wait=${String(wait)}` };
  const service = runningService(values, io, stopped);
  const answer = await service.send("POST", `/runs/${encodeURIComponent(id)}/replay`, body, headers);
  const run = readRun(answer);
  const isDone = run.endedAt !== undefined;
  if (values.get("json") === true) io.stdout(`${JSON.stringify(answer, null, 2)}\n`);
  else if (isDone) io.stdout(runPage(run));
  else io.stdout(`${run.id}: ${run.status}; runlet runs show ${run.id} tells more\n`);
  return isDone && run.status !== "succeeded" ? EXIT.failed : EXIT.ok;
}

async function readScript(file: string, io: CliIo): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), "utf8");
  } catch (error) {
    throw new ServiceRefusal(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${USAGE}`);
  return EXIT.usage;
}

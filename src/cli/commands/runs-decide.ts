import { isRecord } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import { approvalLine, undecided } from "../answered-run-text.ts";
import { readRun } from "../answered-run.ts";
import { runningService, ServiceRefusal } from "../http-caller.ts";
import { EXIT } from "../io.ts";
import type { VerbRequest } from "../verbs.ts";

/** `runlet runs approve ID`: lets calls be made that wait. */
export function approveCalls(request: VerbRequest): Promise<number | string> {
  const grant = readGrant(request.values);
  return typeof grant === "string" ? Promise.resolve(grant) : decide(request, "approve", grant);
}

/** `runlet runs deny ID`: has calls fail that wait. */
export function denyCalls(request: VerbRequest): Promise<number | string> {
  return decide(request, "deny", {});
}

/** Tells what is decided on before it is. @returns Exit code, or what is wrong with the command. */
async function decide(
  { values, rest, io, stopped }: VerbRequest,
  decision: "approve" | "deny",
  more: object,
): Promise<number | string> {
  const [id, ...extra] = rest;
  if (id === undefined || extra.length > 0) return "One run is needed.";
  const call = values.get("call");
  const isAll = values.get("all") === true;
  if (call !== undefined && isAll) return "Say --call N or --all, not both.";
  if (call !== undefined && !/^[1-9]\d{0,8}$/u.test(String(call))) return "--call must be the number of a call.";
  const service = runningService(values, io, stopped);
  const path = `/runs/${encodeURIComponent(id)}`;
  const run = readRun(await service.send("GET", path));
  const waiting = undecided(run);
  const [only, ...others] = waiting;
  if (call === undefined && !isAll && others.length > 0)
    throw new ServiceRefusal(
      `Cannot ${decision} as the run waits for ${waiting.length} calls:\n${waiting.map((one) => approvalLine(one)).join("\n")}`,
      "Say which: --call N, or --all.",
    );
  if (call === undefined && only === undefined)
    throw new ServiceRefusal(
      `Cannot ${decision} as a call of the run must wait for it: none does, it is ${run.status}.`,
    );
  const number = call === undefined ? only?.callId : Number(call);
  const meant = isAll ? waiting : waiting.filter(({ callId }) => callId === number);
  const isJson = values.get("json") === true;
  if (!isJson) for (const one of meant) io.stdout(`${approvalLine(one)}\n`);
  const reason = values.get("reason");
  const answer = await service.send("POST", `${path}/approvals`, {
    ...(isAll ? { all: true } : { callId: number }),
    decision,
    ...(typeof reason === "string" && { reason }),
    ...more,
  });
  const { status } = readRun(answer);
  const done = decision === "approve" ? "approved" : "denied";
  io.stdout(isJson ? `${JSON.stringify(answer, null, 2)}\n` : `${id}: ${done}; it is ${status}\n`);
  return EXIT.ok;
}

function readGrant(values: VerbRequest["values"]): { readonly grant?: object } | string {
  const [tool, server, times, match] = ["grant", "server", "times", "match"].map((name) => values.get(name));
  if (tool === undefined) {
    const lone = ["server", "times", "match"].find((name) => values.has(name));
    return lone === undefined ? {} : `--${lone} goes with --grant TOOL.`;
  }
  if (times !== undefined && !/^[1-9]\d{0,6}$/u.test(String(times)))
    return "--times must be a whole number, 1 at least.";
  const parsed = typeof match === "string" ? parseJson(match)?.value : undefined;
  if (match !== undefined && !isRecord(parsed)) return "--match must be a JSON object.";
  return {
    grant: {
      tool,
      ...(server !== undefined && { server }),
      ...(times !== undefined && { times: Number(times) }),
      ...(parsed !== undefined && { match: parsed }),
    },
  };
}

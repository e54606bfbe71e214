import { LIMIT_NAMES } from "../config/limits.ts";
import type { LimitName, RunLimits } from "../config/limits.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { JsonValue } from "../lib/guards.ts";
import { pointerStep } from "../lib/json.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { RunRequest } from "../runs/run.ts";
import { DEFAULT_SEARCH_LIMIT, MAX_SEARCH_LIMIT, RUN_SCRIPT_MEMBERS, SEARCH_TOOLS_MEMBERS } from "./tools.ts";

/** Characters shown of a name that is not known. */
const MAX_NAME = 100;
/** Problems told at once: each unknown name takes a search for the one that was meant, and arguments can hold a million. */
const MAX_PROBLEMS = 50;

interface Problem {
  readonly pointer: string;
  readonly message: string;
}

/** Arguments of `search_tools`, complete. */
export interface SearchArguments {
  readonly query: string;
  readonly limit: number;
  /** Hits to pass over. */
  readonly offset: number;
  readonly server: string | undefined;
}

/**
 * The arguments of `run_script` as a request for a run. An optional member that is `null` counts as absent, because
 * models that must name every member write it so; `input` keeps its `null`.
 *
 * @throws REQUEST_INVALID with every problem at once, 50 or a few more at most.
 */
export function parseRunScriptArguments(args: unknown): RunRequest {
  const problems: Problem[] = [];
  const members = checkMembers(args, RUN_SCRIPT_MEMBERS, problems);
  const script = members.get("script");
  if (typeof script !== "string") {
    problems.push({ pointer: "/script", message: `must be the script's text: current value is ${kindOf(script)}` });
  }
  const limits = parseLimits(members.get("limits"), problems);
  if (typeof script !== "string" || problems.length > 0) throw invalid("run_script", problems);
  const input = members.get("input");
  return {
    script,
    ...(input === undefined ? {} : { input: input as JsonValue }),
    ...(limits === undefined ? {} : { limits }),
  };
}

/**
 * The arguments of `search_tools`, `limit` filled in.
 *
 * @throws REQUEST_INVALID with every problem at once.
 */
export function parseSearchArguments(args: unknown): SearchArguments {
  const problems: Problem[] = [];
  const members = checkMembers(args, SEARCH_TOOLS_MEMBERS, problems);
  const query = members.get("query") ?? "";
  if (typeof query !== "string") {
    problems.push({ pointer: "/query", message: `must be a text: current value is ${kindOf(query)}` });
  }
  const limit = members.get("limit") ?? DEFAULT_SEARCH_LIMIT;
  if (typeof limit !== "number" || !Number.isSafeInteger(limit) || limit < 1 || limit > MAX_SEARCH_LIMIT) {
    problems.push({
      pointer: "/limit",
      message: `must be an integer from 1 to ${MAX_SEARCH_LIMIT}: current value is ${kindOf(limit)}`,
    });
  }
  const offset = members.get("offset") ?? 0;
  if (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0) {
    problems.push({ pointer: "/offset", message: `must be an integer from 0: current value is ${kindOf(offset)}` });
  }
  const server = members.get("server") ?? undefined;
  if (server !== undefined && typeof server !== "string") {
    problems.push({ pointer: "/server", message: `must be a server's name: current value is ${kindOf(server)}` });
  }
  if (problems.length > 0 || typeof query !== "string" || typeof limit !== "number" || typeof offset !== "number") {
    throw invalid("search_tools", problems);
  }
  return { query, limit, offset, server: typeof server === "string" ? server : undefined };
}

/** The members as a map; unknown ones become problems that name the nearest known one. */
function checkMembers(args: unknown, known: readonly string[], problems: Problem[]): ReadonlyMap<string, unknown> {
  if (args === undefined) return new Map();
  if (!isRecord(args)) {
    problems.push({ pointer: "", message: `must be an object: current value is ${kindOf(args)}` });
    return new Map();
  }
  const members = new Map(Object.entries(args));
  for (const name of members.keys()) {
    if (problems.length >= MAX_PROBLEMS) break;
    if (!known.includes(name))
      problems.push({ pointer: pointerStep(name.slice(0, MAX_NAME)), message: unknownName(name, known) });
  }
  return members;
}

function parseLimits(value: unknown, problems: Problem[]): Partial<RunLimits> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) {
    problems.push({ pointer: "/limits", message: `must be an object: current value is ${kindOf(value)}` });
    return undefined;
  }
  const limits: Partial<Record<LimitName, number>> = {};
  for (const [name, limit] of Object.entries(value)) {
    if (problems.length >= MAX_PROBLEMS) break;
    const pointer = `/limits${pointerStep(name.slice(0, MAX_NAME))}`;
    const known = LIMIT_NAMES.find((candidate) => candidate === name);
    if (known === undefined) problems.push({ pointer, message: unknownName(name, LIMIT_NAMES) });
    else if (limit === null) continue;
    else if (typeof limit === "number" && Number.isSafeInteger(limit) && limit >= 0) limits[known] = limit;
    else problems.push({ pointer, message: `must be a non-negative integer: current value is ${kindOf(limit)}` });
  }
  return limits;
}

function unknownName(name: string, known: readonly string[]): string {
  const [nearest] = nearestNames(name, known, 1);
  return nearest === undefined ? `is unknown: there are ${known.join(", ")}` : `is unknown: did you mean ${nearest}?`;
}

/** A short, harmless picture of a wrong value: its kind, and the value itself when it is a small scalar. */
function kindOf(value: unknown): string {
  if (value === undefined) return "absent";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return "a text";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return "an object";
}

function invalid(tool: string, problems: readonly Problem[]): RunletError {
  const told = problems
    .map(({ pointer, message }) => `${pointer === "" ? "arguments" : pointer} ${message}`)
    .join("; ");
  return new RunletError("REQUEST_INVALID", `Cannot call ${tool} as its arguments are wrong: ${told}`, {
    hint: `Correct the arguments of ${tool} and call it again.`,
    details: { problems },
  });
}

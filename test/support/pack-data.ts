import { readFileSync } from "node:fs";
import type { JsonValue } from "../../src/lib/guards.ts";

/** Arguments of a call. */
export type JsonObject = Readonly<Record<string, JsonValue>>;

/** A tool as a server lists it. */
export interface PackTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: object;
  readonly outputSchema?: object;
}

/** A recorded call and what came of it. */
export interface PackStep {
  readonly server: string;
  readonly tool: string;
  readonly args: JsonObject;
  readonly result?: unknown;
  /** Text the tool failed with. */
  readonly exception?: string;
}

/** One workflow: the tools a run is given, the script, the calls it must make in this order, the value it must give. */
export interface Scenario {
  readonly id: string;
  readonly tools: ReadonlyMap<string, readonly PackTool[]>;
  readonly script: string;
  readonly steps: readonly PackStep[];
  readonly expected: unknown;
}

/** A pack, read by `read` when a test needs it. */
export interface Pack {
  readonly name: string;
  readonly size: number;
  readonly servers: readonly string[];
  readonly read: () => readonly Scenario[];
}

const DATA = new URL("../fixtures/data/packs/", import.meta.url);

function readData(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, DATA), "utf8"));
}

type ToolsByServer = Readonly<Record<string, readonly PackTool[]>>;

/** NesTools: each scenario has tools of its own, calls that feed on one another, and its script in the data. */
function readNesTools(): readonly Scenario[] {
  type Entry = {
    readonly id: string;
    readonly tools: readonly PackTool[];
    readonly script: string;
    readonly steps: readonly { readonly tool: string; readonly expectedArgs: JsonObject; readonly result: unknown }[];
  };
  return (readData("nestools-flow") as readonly Entry[]).map(({ id, tools, script, steps }) => ({
    id,
    tools: new Map([["lib", tools]]),
    script,
    steps: steps.map(({ tool, expectedArgs, result }) => ({ server: "lib", tool, args: expectedArgs, result })),
    expected: steps.at(-1)?.result,
  }));
}

const BFCL_SERVERS = [
  "GorillaFileSystem",
  "MathAPI",
  "MessageAPI",
  "TicketAPI",
  "TradingBot",
  "TravelAPI",
  "TwitterAPI",
  "VehicleControlAPI",
];

/** The one recorded call that its tool's own schema refuses: an id that is no integer, which the suite's simulator took. */
export const REFUSED_BY_SCHEMA = { id: "multi_turn_base_173", server: "TicketAPI", tool: "close_ticket" } as const;

/**
 * BFCL: conversations of several turns over eight servers, some answers of which are `null`; the value is all turns.
 *
 * @param definitions `recorded`: the schema that refuses its own recorded call is widened to take it; `own`: as published.
 */
export function readBfcl(definitions: "recorded" | "own"): readonly Scenario[] {
  type Entry = {
    readonly id: string;
    readonly servers: readonly string[];
    readonly turns: readonly (readonly PackStep[])[];
  };
  const published = readData("bfcl-servers") as ToolsByServer;
  const { server: odd, tool } = REFUSED_BY_SCHEMA;
  const widened = published[odd]?.map((own) => (own.name === tool ? takingAnyId(own) : own)) ?? [];
  const tools = definitions === "own" ? published : { ...published, [odd]: widened };
  return (readData("bfcl-multi-turn-base") as readonly Entry[]).map(({ id, servers, turns }) => ({
    id,
    tools: new Map(servers.map((server) => [server, tools[server] ?? []])),
    script: `return [\n${turns.map((turn) => `  [${turn.map(callText).join(", ")}],\n`).join("")}];`,
    steps: turns.flat(),
    expected: turns.map((turn) => turn.map(({ result }) => result)),
  }));
}

function takingAnyId(tool: PackTool): PackTool {
  return { ...tool, inputSchema: { ...tool.inputSchema, properties: { ticket_id: { type: ["integer", "string"] } } } };
}

/** tau-bench: changes of orders in a shop whose server declares no outputs; the value is every answer. */
function readTau(): readonly Scenario[] {
  type Entry = { readonly id: string; readonly steps: readonly PackStep[] };
  const tools = new Map(Object.entries(readData("tau-retail-servers") as ToolsByServer));
  return (readData("tau-retail-tasks_dev") as readonly Entry[]).map(({ id, steps }) => ({
    id,
    tools,
    script: `return [${steps.map(callText).join(", ")}];`,
    steps,
    expected: steps.map(({ result }) => result),
  }));
}

/** API-Bank: recorded calls with answers of every type; the records hold no definitions, so the arguments seen make them. */
function readApiBank(): readonly Scenario[] {
  type Step = Omit<PackStep, "server" | "exception"> & { readonly exception: string | null };
  const entries = readData("apibank-recorded") as readonly { readonly id: string; readonly steps: readonly Step[] }[];
  const tools = new Map([["apibank", toolsSeen(entries.flatMap(({ steps }) => steps))]]);
  return entries.map(({ id, steps: recorded }) => {
    const steps = recorded.map(({ exception, ...step }) => ({
      server: "apibank",
      ...step,
      ...(exception !== null && { exception }),
    }));
    return { id, tools, ...catchingScript(steps), steps };
  });
}

/** A script that goes on after a failed call, and what it must give: of each call its result, or its error. */
export function catchingScript(steps: readonly PackStep[]): Pick<Scenario, "script" | "expected"> {
  const attempts = steps.map((step) => `  await attempt(async () => ${callText(step)}),\n`).join("");
  return {
    script: `async function attempt(call) {
  try {
    return { result: await call() };
  } catch ({ name, code, server, tool, message }) {
    return { exception: { name, code, server, tool, message } };
  }
}
return [\n${attempts}];`,
    expected: steps.map(({ server, tool, result, exception: message }) =>
      message === undefined
        ? { result }
        : { exception: { name: "ToolError", code: "TOOL_FAILED", server, tool, message } },
    ),
  };
}

function callText({ server, tool, args }: PackStep): string {
  return `await mcp.${server}.${tool}(${JSON.stringify(args)})`;
}

function toolsSeen(steps: readonly { readonly tool: string; readonly args: JsonObject }[]): PackTool[] {
  const seen = Map.groupBy(steps, ({ tool }) => tool);
  return [...seen].map(([name, calls]) => {
    const names = [...new Set(calls.flatMap(({ args }) => Object.keys(args)))];
    const properties = Object.fromEntries(names.map((property) => [property, {}]));
    const required = names.filter((property) => calls.every(({ args }) => Object.hasOwn(args, property)));
    return { name, inputSchema: { type: "object", properties, required, additionalProperties: false } };
  });
}

/** Every pack, with the number of workflows it must have. */
export const PACKS: readonly Pack[] = [
  { name: "NesTools", size: 1_000, servers: ["lib"], read: readNesTools },
  { name: "BFCL", size: 200, servers: BFCL_SERVERS, read: () => readBfcl("recorded") },
  { name: "tau-bench", size: 20, servers: ["retail"], read: readTau },
  { name: "API-Bank", size: 261, servers: ["apibank"], read: readApiBank },
];

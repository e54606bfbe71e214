import type { ShownPins } from "../../catalog/guard/pin-view.ts";
import { parseArguments } from "../arguments.ts";
import { SERVICE_FLAGS, SERVICE_FLAGS_TEXT } from "../http-caller.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { openPins } from "../pin-desk.ts";
import type { PinDesk } from "../pin-desk.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT } from "../settings.ts";
import { reportRefusal } from "../verbs.ts";

/** What `runlet pins --help` prints. */
export const PINS_USAGE = `Usage: runlet pins list                       each server, and whether it lists what was approved
       runlet pins show SERVER                what changed
       runlet pins approve SERVER [TOOL…]     accepts it, or some tools of it
       runlet pins reset SERVER               forgets the server: what it lists next is trusted

  --digest DIGEST       Approve only if that is what is listed now; \`show\` tells it.
  --json                JSON on standard output.
${SERVICE_FLAGS_TEXT}Where no service is named, the data folder is opened; where a service holds it, the one at the configured address is asked.

${CONFIG_FLAGS_TEXT}`;
const FLAGS = { ...CONFIG_FLAGS, ...SERVICE_FLAGS, digest: { type: "string" }, json: { type: "boolean" } } as const;

/**
 * `runlet pins list|show|approve|reset`: reads and accepts the tools that servers are held to, of a running service or in the
 * data folder of one that does not run.
 *
 * @param args After `pins`.
 * @param stopped Aborts on SIGINT and SIGTERM.
 * @returns 0; 1 from `list` and `show` when something changed and is not approved; 2 when the command was not understood.
 * @throws NOT_FOUND, CONFIG_INVALID.
 */
export async function pinsCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed) return refuse(parsed.fault, io);
  const [verb = "", server, ...tools] = parsed.positionals;
  if (!["list", "show", "approve", "reset"].includes(verb)) {
    return refuse(verb === "" ? "Say which: list, show, approve or reset." : `Unknown: pins ${verb}`, io);
  }
  if ((verb === "list") !== (server === undefined)) {
    return refuse(verb === "list" ? "list takes no server." : `${verb} needs one server.`, io);
  }
  const digest = parsed.values.get("digest");
  if (verb !== "approve" && digest !== undefined) return refuse("--digest goes with approve.", io);
  if (verb !== "approve" && tools.length > 0) return refuse(`Too many: ${tools.join(" ")}`, io);
  const isJson = parsed.values.get("json") === true;
  try {
    const desk = await openPins(parsed.values, io, stopped);
    try {
      if (server === undefined) return await list(desk, isJson, io);
      return await one(
        desk,
        { verb, server, tools, digest: typeof digest === "string" ? digest : undefined, isJson },
        io,
      );
    } finally {
      await desk.close();
    }
  } catch (error) {
    return reportRefusal(error, io);
  }
}

async function list(desk: PinDesk, isJson: boolean, io: CliIo): Promise<number> {
  const all = await desk.list();
  if (isJson) io.stdout(`${JSON.stringify(all)}\n`);
  const width = Math.max(0, ...all.map(({ server }) => server.length));
  for (const { server, state, changed, added, removed, instructionsChanged } of isJson ? [] : all) {
    const parts = [
      ...[`${changed.length} changed`, `${added.length} added`, `${removed.length} removed`].filter(
        (part) => !part.startsWith("0 "),
      ),
      ...(instructionsChanged ? ["instructions changed"] : []),
    ];
    io.stdout(`${server.padEnd(width)}  ${state.padEnd(7)}  ${parts.join(", ")}`.trimEnd() + "\n");
  }
  if (all.length === 0 && !isJson) io.stderr("No server is pinned yet: each is when it is used first.\n");
  return all.some(({ state }) => state === "changed") ? EXIT.failed : EXIT.ok;
}

async function one(desk: PinDesk, { verb, server, tools, digest, isJson }: Asked, io: CliIo): Promise<number> {
  const before = await desk.show(server);
  if (verb === "show") {
    io.stdout(isJson ? `${JSON.stringify(before)}\n` : describe(before));
    return before.state === "changed" ? EXIT.failed : EXIT.ok;
  }
  // What is printed is what is approved: where the server lists something else by now, nothing is.
  const shown = digest ?? (before.listed ?? before.approved)?.digest;
  const after = verb === "reset" ? await desk.reset(server) : await desk.approve(server, tools, shown);
  if (isJson) io.stdout(`${JSON.stringify(after)}\n`);
  else if (verb === "reset") io.stdout(`${server}: forgotten; what it lists next is trusted\n`);
  else {
    for (const line of before.diff) io.stdout(`${line}\n`);
    io.stdout(`${server}: approved; ${after.state === "changed" ? "other changes are left" : "no change is left"}\n`);
  }
  return EXIT.ok;
}

/** What the command is to do to one server. */
interface Asked {
  readonly verb: string;
  readonly server: string;
  readonly tools: readonly string[];
  /** Of what was looked at before. */
  readonly digest: string | undefined;
  readonly isJson: boolean;
}

function describe({ server, state, approved, listed, diff }: ShownPins): string {
  if (approved === undefined) return `${server}: ${state}; what it lists first is trusted\n`;
  const who = approved.by === undefined ? "trusted as first seen" : `approved by ${approved.by}`;
  const now = listed === undefined ? [] : [`listed now: ${listed.digest}`];
  return [`${server}: ${state}; ${approved.tools} tools ${who} on ${approved.at}`, ...now, ...diff]
    .map((line) => `${line}\n`)
    .join("");
}

function refuse(fault: string, io: CliIo): number {
  io.stderr(`${fault}\n${PINS_USAGE}`);
  return EXIT.usage;
}

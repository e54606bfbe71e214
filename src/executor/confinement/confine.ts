import type { Config, ExecutorsConfig } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { executorCommand, kernelLimits, nodeCommand } from "./executor-command.ts";
import type { ExecutorCommand, Wrapper } from "./executor-command.ts";
import { executorFiles } from "./executor-files.ts";
import { findTool as findSystemTool } from "./find-tool.ts";
import type { FindTool } from "./find-tool.ts";
import { jails } from "./jails.ts";
import type { ConfinementLevel, Jail } from "./jails.ts";
import { selfTest } from "./self-test.ts";

/** How executor processes are held here, and why no better. */
export interface Confinement {
  readonly level: ConfinementLevel;
  readonly command: ExecutorCommand;
  /** The stronger ways, strongest first, and why each was not taken; empty when the strongest was. */
  readonly refused: readonly RefusedWay[];
}

/** A way to confine processes that does not hold on this machine. */
export interface RefusedWay {
  readonly way: string;
  readonly reason: string;
}

/** What `confine` needs. */
export interface ConfineOptions {
  /** Path of isolated-vm's binary. */
  readonly nativeModule: string;
  readonly clock: Clock;
  /** @default `findTool` of this machine */
  readonly findTool?: FindTool;
  /** Longest one self-test may take to report, see `selfTest`. */
  readonly testWithinMs?: number;
}

/** What to do where processes cannot be confined, for operators. */
export const CONFINEMENT_REMEDY =
  "Install bubblewrap and let this user make user namespaces (in a container: a seccomp and AppArmor profile that allows " +
  "them); `runlet doctor` tests it again. Where the container or machine is boundary enough: `executors.confinement: off`.";

/**
 * Finds the strongest way to hold executor processes that passes its self-test here: bubblewrap, unshare, else nothing
 * but kernel limits and Node's permission model.
 *
 * Each self-test is made once in the life of this process. Takes at most some 7 s for each way that hangs.
 *
 * @throws CONFIG_INVALID when `mode` is `require` and no way holds; `details.refused` says why, by way.
 */
export async function confine(
  config: ExecutorsConfig,
  mode: Config["confinement"],
  options: ConfineOptions,
): Promise<Confinement> {
  const { nativeModule, findTool = findSystemTool } = options;
  const command = (jail?: Wrapper): ExecutorCommand => executorCommand(config, nativeModule, jail);
  if (mode === "off") return { level: "process", command: command(), refused: [] };
  const { files, ways, reason } = await waysOf(findTool, nativeModule);
  const refused: RefusedWay[] = reason === undefined ? [] : [{ way: "namespaces", reason }];
  for (const { name: way, level, how } of ways) {
    if ("missing" in how) {
      refused.push({ way, reason: how.missing });
      continue;
    }
    const fault = await testedOnce(config, how.wrapper, { ...options, files });
    if (fault === undefined) return { level, command: command(how.wrapper), refused };
    refused.push({ way, reason: fault });
  }
  if (mode === "require") throw notConfined(refused);
  return { level: "process", command: command(), refused };
}

/** Why processes are held by nothing stronger, as one text. */
export function reasonsOf(refused: readonly RefusedWay[]): string {
  return refused.map(({ way, reason }) => `${way}: ${reason}`).join("; ");
}

/** Says in the log how executor processes are held: a warning where they are less confined than they were to be. */
export function tellConfinement({ level, refused }: Confinement, mode: Config["confinement"], log: Log): void {
  const fields = { confinement: level, ...(refused.length > 0 ? { reasons: reasonsOf(refused) } : {}) };
  if (level !== "process" || mode === "off") log.info(fields, "how executor processes are confined");
  else log.warn({ ...fields, remedy: CONFINEMENT_REMEDY }, "executor processes are not kept in namespaces");
}

interface Ways {
  readonly files: readonly string[];
  readonly ways: readonly Jail[];
  /** Why there are none. */
  readonly reason: string | undefined;
}

async function waysOf(find: FindTool, nativeModule: string): Promise<Ways> {
  const none = (reason: string): Ways => ({ files: [], ways: [], reason });
  if (process.platform !== "linux") return none(`${process.platform} has none, only Linux does`);
  try {
    const files = await executorFiles(nativeModule);
    return { files, ways: await jails(find, files), reason: undefined };
  } catch (error) {
    return none(`the files that Node needs are not known: ${String(error)}`);
  }
}

/** Results of self-tests by command: the machine does not change while a service runs. */
const tested = new Map<string, Promise<string | undefined>>();

function testedOnce(
  config: ExecutorsConfig,
  jail: Wrapper,
  { nativeModule, clock, testWithinMs: withinMs, files }: ConfineOptions & Pick<Ways, "files">,
): Promise<string | undefined> {
  // Not the permission model: what it refuses would hide what namespaces do not.
  const command = nodeCommand([kernelLimits(config), jail], ["--no-warnings", "-"]);
  const key = JSON.stringify(command);
  let result = tested.get(key);
  if (result === undefined) {
    result = selfTest({ command, nativeModule, files, clock, ...(withinMs === undefined ? {} : { withinMs }) });
    tested.set(key, result);
  }
  return result;
}

function notConfined(refused: readonly RefusedWay[]): RunletError {
  const rule = "executors.confinement is require and no way to confine executor processes holds on this machine";
  return new RunletError("CONFIG_INVALID", `Cannot start as ${rule}: ${reasonsOf(refused)}`, {
    hint: CONFINEMENT_REMEDY,
    details: { refused },
  });
}

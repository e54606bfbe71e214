import type { Bridge } from "../bridge/bridge.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ArgumentValidator } from "../gateway/call.ts";
import { errorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { checkNames } from "../script/preflight.ts";
import type { PreparedScript } from "../script/prepare.ts";
import type { TypeChecker } from "../script/typecheck/typecheck.ts";
import type { ActiveRun } from "./active-run.ts";

/** What the check of a script takes. */
export interface CheckParts {
  readonly catalog: Catalog;
  readonly validator: ArgumentValidator;
  readonly typeChecker: TypeChecker;
  /** Gets a line of its log when the types could not be checked. */
  readonly bridge: Bridge;
  readonly signal: AbortSignal;
}

/**
 * Checks a script before anything of it runs, as far as its run asks for: names, then types.
 *
 * @returns The first fault, the others in its details; `undefined` when none was found, or types could not be checked.
 * @throws The signal's reason when it aborts first.
 */
export async function checkScript(
  run: ActiveRun,
  script: PreparedScript,
  { catalog, validator, typeChecker, bridge, signal }: CheckParts,
): Promise<ErrorInfo | undefined> {
  // A model mends its script at once: the sooner it knows, the better.
  const { check = run.request.task === undefined ? "names" : "types" } = run.request;
  if (check === "none") return undefined;
  const [problem, ...others] = checkNames(script, catalog, validator);
  if (problem !== undefined) return withOthers(problem, others);
  if (check === "names") return undefined;
  const checked = await typeChecker.check(script, catalog, run.principal.id, signal);
  if (checked.status === "checked") return checked.error;
  bridge.log("warn", 0, `The script's types were not checked as ${checked.reason}`);
  return undefined;
}

function withOthers(problem: ErrorInfo, others: readonly ErrorInfo[]): ErrorInfo {
  if (others.length === 0) return problem;
  const more = others.map(({ code, message, line, column }) => ({ code, message, line, column }));
  return errorInfo(problem.code, problem.message, { ...problem, details: { ...asObject(problem.details), more } });
}

function asObject(details: unknown): object {
  return typeof details === "object" && details !== null ? details : {};
}

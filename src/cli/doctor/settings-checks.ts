import { resolve } from "node:path";
import { isLoopback } from "../../config/loopback.ts";
import type { ConfigProblem } from "../../config/problem.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";
import type { FoundConfiguration } from "./read-configuration.ts";
import { secretChecks } from "./secret-checks.ts";

const { ok, warn, fail } = checksOf("configuration");

/** What the configuration itself says: where it is, what is wrong and odd about it, whether it resolves, who may call. */
export function settingsChecks(found: FoundConfiguration): readonly HealthCheck[] {
  const { loaded, problems, warnings } = found;
  const faults = problems.map((problem) => problemCheck(problem, found));
  return [
    ...(loaded === undefined ? [] : [fileCheck(loaded)]),
    ...faults,
    ...warnings.map(warningCheck),
    ...referenceChecks(found),
    ...(loaded === undefined ? [] : secretChecks(loaded)),
    ...(problems.length === 0 ? [callersCheck(found)] : []),
  ];
}

function fileCheck({ file, cwd }: { readonly file: string | undefined; readonly cwd: string }): HealthCheck {
  return ok("file", file === undefined ? `none in ${cwd}: the sample servers` : resolve(cwd, file));
}

function problemCheck(problem: ConfigProblem, { loaded }: FoundConfiguration): HealthCheck {
  const { message, remedy = "`runlet config check` tells it again once it is mended.", key, file, line } = problem;
  const isReference = loaded?.problems.some((each) => each.message === message && loaded.references.has(each.key));
  const detail = message.endsWith(remedy) ? message.slice(0, -remedy.length).trimEnd() : message;
  const place = { key, ...(file !== undefined && { file }), ...(line !== undefined && { line }) };
  return { ...fail(isReference === true ? "reference" : "setting", detail, remedy), place };
}

/** The first sentence says what is odd, the others what to do. */
function warningCheck(warning: string): HealthCheck {
  const end = /\. (?=[A-Z`])/u.exec(warning)?.index;
  if (end === undefined) return warn("setting", warning, "Mend it, or remove it.");
  return warn("setting", warning.slice(0, end + 1), warning.slice(end + 2));
}

function referenceChecks({ loaded }: FoundConfiguration): readonly HealthCheck[] {
  const count = loaded?.references.size ?? 0;
  const broken = loaded?.problems.some(({ key }) => loaded.references.has(key)) ?? false;
  return count === 0 || broken ? [] : [ok("references", `${count} in all; each stands for something`)];
}

function callersCheck({ config: { http, clients, auth, defaultPolicy } }: FoundConfiguration): HealthCheck {
  const reach = isLoopback(http.host) ? "this machine only" : "the network";
  if (clients.length === 0) return ok("callers", `${reach}; no key is asked for`);
  const others = defaultPolicy === "allow" ? "; others are let in" : "";
  const tokens = auth === undefined ? "" : "; access tokens are taken";
  return ok("callers", `${reach}; ${clients.length} ${clients.length === 1 ? "client" : "clients"}${tokens}${others}`);
}

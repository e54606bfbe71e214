import { isRecord } from "../lib/guards.ts";
import { matchesGlob } from "../lib/glob.ts";
import { nearestNames } from "../lib/nearest.ts";
import { readFlowGlob } from "./flow-keys.ts";
import { pathText } from "./problem.ts";
import type { KeyPath } from "./problem.ts";

/**
 * What is odd about the rules of data flow: sides that no server fits, so that the rule refuses nothing.
 *
 * @param dataFlow As written, checked or not.
 * @param servers Names of the configured servers.
 */
export function* adviseOnFlow(dataFlow: unknown, servers: ReadonlySet<string>): Generator<string> {
  for (const [path, glob] of flowGlobs(dataFlow)) {
    const { server } = readFlowGlob(glob);
    if (server === "*" || [...servers].some((name) => matchesGlob(server, name))) continue;
    const dotted = [...servers].find((name) => server.startsWith(`${name}.`));
    const [nearest] = nearestNames(server, [...servers], 1);
    const meant = dotted === undefined ? nearest : `${dotted}__${server.slice(dotted.length + 1)}`;
    const remedy = meant === undefined ? "" : ` Did you mean ${meant}?`;
    yield `${pathText(path)} means nothing as no server is called ${JSON.stringify(server)}.${remedy}`;
  }
}

/** Every glob of the rules, with its place. */
function* flowGlobs(dataFlow: unknown): Generator<[KeyPath, string]> {
  const deny: unknown = isRecord(dataFlow) ? dataFlow["deny"] : undefined;
  if (!Array.isArray(deny)) return;
  for (const [index, rule] of (deny as unknown[]).entries()) {
    if (!isRecord(rule)) continue;
    for (const side of ["from", "to"]) {
      const path = ["dataFlow", "deny", index, side];
      const written = rule[side];
      if (typeof written === "string") yield [path, written];
      if (!Array.isArray(written)) continue;
      for (const [at, glob] of (written as unknown[]).entries())
        if (typeof glob === "string") yield [[...path, at], glob];
    }
  }
}

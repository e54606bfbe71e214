/**
 * What a check of types costs, in ms, against what a run does without it (the script prepared, its names checked):
 * `node test/bench/typecheck.ts`. The ways take turns in one run, so that ratios hold on a noisy machine.
 */
import { readdirSync, readFileSync } from "node:fs";
import { toServerTools } from "../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../src/catalog/snapshot.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { createArgumentValidator } from "../../src/gateway/validator.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { checkNames } from "../../src/script/preflight.ts";
import { prepareScript } from "../../src/script/prepare.ts";
import { sharedTranspiler } from "../../src/script/transpile.ts";
import { createTypeChecker } from "../../src/script/typecheck/typecheck.ts";
import type { TypeChecker } from "../../src/script/typecheck/typecheck.ts";
import type { ToolDefinition } from "../../src/upstream/upstream.ts";
import { quantile, show } from "./statistics.ts";

const WARM_UP = 20;
const ROUNDS = 100;
const COLD_ROUNDS = 5;
const MAX_BYTES = 256 * 1024;
const TOOLS = new URL("../fixtures/data/tools/", import.meta.url);
const never = new AbortController().signal;

/** Thirty lines over one server. */
const JAVASCRIPT = `// Sizes of a folder's files by their extension, and the first lines of each.
const limit = 10;
const seen = new Map();
const listing = await mcp.filesystem.listDirectory({ path: "/data" });
const names = listing.content.split("\\n").filter((line) => line.startsWith("[FILE]"));
const totals = {};
for (const name of names.slice(0, limit)) {
  const clean = name.replace("[FILE] ", "");
  const info = await mcp.filesystem.getFileInfo({ path: \`/data/\${clean}\` });
  const size = Number(/size: (\\d+)/.exec(info.content)?.[1] ?? 0);
  const extension = clean.split(".").pop() ?? "";
  totals[extension] = (totals[extension] ?? 0) + size;
  seen.set(clean, { name: clean, size });
}
const results = await Promise.all(
  [...seen.values()].map(async (entry) => {
    const text = await mcp.filesystem.readTextFile({ path: \`/data/\${entry.name}\`, head: 5 });
    return { ...entry, head: text.content };
  }),
);
try {
  await mcp.filesystem.writeFile({ path: "/data/report.json", content: JSON.stringify(totals, null, 2) });
} catch (error) {
  console.warn("could not write", error.message);
}
const sorted = Object.entries(totals).sort(([, a], [, b]) => b - a);
const [largest] = sorted;
console.log(largest?.[0], sorted.length);
const rest = sorted.slice(1);
return { largest, rest, results: results.length };
`;
const TYPESCRIPT = JAVASCRIPT.replace("const limit = 10;", "const limit: number = 10;")
  .replace("new Map()", "new Map<string, { name: string; size: number }>()")
  .replace("const totals = {}", "const totals: Record<string, number> = {}")
  .replace("error.message", "(error as Error).message");
/** The same over all servers: which of them it uses, only the run decides. */
const EVERYWHERE = JAVASCRIPT.replace("const limit = 10;", "const limit = Object.keys(mcp).length;");

function readCatalog(): Catalog {
  const files = readdirSync(TOOLS).filter((file) => file.endsWith(".json"));
  return createSnapshot(
    files.toSorted().map((file) => {
      const server = file.slice(0, -".json".length);
      const listed = JSON.parse(readFileSync(new URL(file, TOOLS), "utf8")) as
        | readonly ToolDefinition[]
        | { readonly tools: readonly ToolDefinition[] };
      const tools = "tools" in listed ? listed.tools : listed;
      const namespace = server.replaceAll(/-(?<letter>\w)/gu, (_, letter: string) => letter.toUpperCase());
      const definitions = tools.map((tool) => ({ ...tool, server, description: tool.description ?? "" }));
      return { server, namespace, tools: toServerTools(server, namespace, definitions, true) };
    }),
  );
}

const catalog = readCatalog();
const validator = createArgumentValidator();

async function withoutTypes(text: string): Promise<void> {
  const script = await prepareScript(text, { maxBytes: MAX_BYTES });
  if (checkNames(script, catalog, validator).length > 0) throw new Error("the script is wrong");
}

async function types(checker: TypeChecker, text: string): Promise<void> {
  const script = await prepareScript(text, { maxBytes: MAX_BYTES });
  const checked = await checker.check(script, catalog, "bench", never);
  if (checked.status === "givenUp" || checked.error !== undefined) throw new Error(JSON.stringify(checked));
}

async function time(work: () => Promise<void>, samples: number[]): Promise<void> {
  const from = performance.now();
  await work();
  samples.push(performance.now() - from);
}

const checker = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 30_000, processes: 1 });
let round = 0;
/** A text that was not checked before, so that nothing is remembered of it. */
const fresh = (text: string): string => `${text}// ${round}\n`;
const ways: readonly (readonly [name: string, work: () => Promise<void>])[] = [
  ["none, JavaScript", () => withoutTypes(fresh(JAVASCRIPT))],
  ["none, TypeScript", () => withoutTypes(fresh(TYPESCRIPT))],
  ["types, JavaScript, 1 server", () => types(checker, fresh(JAVASCRIPT))],
  ["types, TypeScript, 1 server", () => types(checker, fresh(TYPESCRIPT))],
  [`types, JavaScript, ${catalog.servers.length} servers`, () => types(checker, fresh(EVERYWHERE))],
];
const samples = new Map<string, number[]>(ways.map(([name]) => [name, []]));
for (; round < WARM_UP + ROUNDS; round++) {
  for (const [name, work] of ways) await time(work, round < WARM_UP ? [] : (samples.get(name) ?? []));
}
const memory = checker.pids().map((pid) => /VmRSS:\s+(?<kib>\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8")));
const cold = new Map<string, number[]>();
for (const [name, text] of [
  ["cold, 1 server", JAVASCRIPT],
  [`cold, ${catalog.servers.length} servers`, EVERYWHERE],
] as const) {
  const taken: number[] = [];
  for (let at = 0; at < COLD_ROUNDS; at++) {
    const own = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 30_000, processes: 1 });
    await time(() => types(own, text), taken);
    await own.close();
  }
  cold.set(name, taken);
}
await checker.close();
await sharedTranspiler.close();

console.log(
  `${catalog.tools.length} tools; ${show(catalog.checkingDeclarations().length / 1024)} KiB of declarations\n`,
);
console.log("| Way | p50 ms | p95 ms |\n| --- | --- | --- |");
for (const [name, taken] of [...samples, ...cold])
  console.log(`| ${name} | ${show(quantile(taken, 0.5))} | ${show(quantile(taken, 0.95))} |`);
console.log(
  `\ncompiler's memory: ${memory.map((found) => show(Number(found?.groups?.["kib"]) / 1024)).join(", ")} MiB`,
);

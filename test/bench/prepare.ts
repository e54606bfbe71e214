/**
 * What it costs to prepare a script and to judge its calls, in µs, against the least that reading it costs:
 * `node test/bench/prepare.ts`. The ways take turns in one run, so that ratios hold on a noisy machine.
 */
import { stripTypeScriptTypes } from "node:module";
import { parse } from "acorn";
import { stop, transform } from "esbuild";
import { toServerTools } from "../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../src/catalog/snapshot.ts";
import { createArgumentValidator } from "../../src/gateway/validator.ts";
import { checkNames } from "../../src/script/preflight.ts";
import { prepareScript } from "../../src/script/prepare.ts";
import { sharedTranspiler } from "../../src/script/transpile.ts";
import { quantile, show } from "./statistics.ts";

const WARM_UP = 300;
const ROUNDS = 1_000;
const MAX_BYTES = 256 * 1024;

const JAVASCRIPT = `// Open pull requests that wait for a review, by age.
const DAY_MS = 24 * 60 * 60 * 1000;
const repos = await mcp.github.searchRepos({ query: "org:acme archived:false", limit: 20 });

async function pullsOf(repo) {
  const pulls = await mcp.github.listPulls({ owner: repo.owner, repo: repo.name, state: "open" });
  return pulls.map((pull) => ({
    repo: repo.name,
    number: pull.number,
    title: pull.title,
    ageDays: Math.floor((Date.now() - Date.parse(pull.createdAt)) / DAY_MS),
    reviewers: pull.reviewers.map(({ login }) => login),
  }));
}

const lists = await Promise.all(repos.items.filter((repo) => !repo.fork).map(pullsOf));
const waiting = lists.flat().filter((pull) => pull.reviewers.length > 0);
waiting.sort((a, b) => b.ageDays - a.ageDays);

const byReviewer = {};
for (const pull of waiting) {
  for (const login of pull.reviewers) {
    (byReviewer[login] ??= []).push(\`\${pull.repo}#\${pull.number} \${pull.title} (\${pull.ageDays} days)\`);
  }
}

for (const [login, pulls] of Object.entries(byReviewer)) {
  if (pulls.length > 5) await mcp.github.readFile({ path: \`reviewers/\${login}.md\` });
}
return { total: waiting.length, oldest: waiting[0] ?? null, byReviewer };
`;
const TYPESCRIPT = JAVASCRIPT.replace("pullsOf(repo)", "pullsOf(repo: Repo): Promise<Pull[]>")
  .replace("const byReviewer = {};", "const byReviewer: Record<string, string[]> = {};")
  .replace(
    "const DAY_MS",
    "interface Repo { owner: string; name: string; fork?: boolean }\ntype Pull = Record<string, any>;\nconst DAY_MS",
  );
const WITH_ENUM = `enum State { Open = "open" }\n${TYPESCRIPT}`;
const FENCED = `Here is the script:\n\n\`\`\`js\n${JAVASCRIPT}\`\`\`\n\nIt lists what waits.\n`;

const object = (...names: readonly string[]): Record<string, unknown> => ({
  type: "object",
  properties: Object.fromEntries(
    names.map((name) => [name, name === "limit" ? { type: "integer" } : { type: "string" }]),
  ),
  required: names.slice(0, 1),
});
const TOOLS = [
  { server: "github", name: "search_repos", description: "Searches.", inputSchema: object("query", "limit") },
  { server: "github", name: "list_pulls", description: "Lists.", inputSchema: object("owner", "repo", "state") },
  { server: "github", name: "read_file", description: "Reads.", inputSchema: object("path") },
];
const catalog = createSnapshot([
  { server: "github", namespace: "github", tools: toServerTools("github", "github", TOOLS, true) },
]);
const validator = createArgumentValidator();

async function ours(text: string): Promise<void> {
  const errors = checkNames(await prepareScript(text, { maxBytes: MAX_BYTES }), catalog, validator);
  if (errors.length > 0) throw new Error(errors[0]?.message);
}

function parseAlone(text: string): void {
  parse(`(async () => {${text}\n})`, { ecmaVersion: "latest" });
}

const ways: Readonly<Record<string, () => unknown>> = {
  "acorn alone, JavaScript": () => parseAlone(JAVASCRIPT),
  "ours, JavaScript": () => ours(JAVASCRIPT),
  "ours, JavaScript in a fence": () => ours(FENCED),
  "stripTypeScriptTypes alone": () => stripTypeScriptTypes(`(async () => {${TYPESCRIPT}\n})`),
  "ours, TypeScript": () => ours(TYPESCRIPT),
  "esbuild alone, TypeScript": () => transform(`(async () => {${TYPESCRIPT}\n})`, { loader: "ts" }),
};
/** Each starts and ends a process of esbuild, so there are fewer. */
const rare: Readonly<Record<string, () => unknown>> = { "ours, TypeScript with an enum": () => ours(WITH_ENUM) };

async function measure(table: typeof ways, rounds: number, warmUp: number): Promise<ReadonlyMap<string, number[]>> {
  const times = new Map<string, number[]>(Object.keys(table).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, work] of Object.entries(table)) {
      const startedAt = performance.now();
      await work();
      if (round >= 0) times.get(name)?.push((performance.now() - startedAt) * 1_000);
    }
  }
  return times;
}

const times = new Map([...(await measure(ways, ROUNDS, WARM_UP)), ...(await measure(rare, 10, 1))]);
const base = quantile(times.get("acorn alone, JavaScript") ?? [], 0.5);
for (const [name, samples] of times) {
  const [p50, p99] = [quantile(samples, 0.5), quantile(samples, 0.99)];
  console.log(
    `${name.padEnd(32)} p50 ${show(p50).padStart(9)} µs  p99 ${show(p99).padStart(9)} µs  ratio ${show(p50 / base)}`,
  );
}
await stop();
await sharedTranspiler.close();

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createCatalogSource } from "../../src/catalog/catalog-source.ts";
import { isRecord } from "../../src/lib/guards.ts";
import type { JsonSchema } from "../../src/upstream/upstream.ts";
import { countTokens, tokenShares } from "../support/token-share.ts";
import { FakeRegistry, recordedTools } from "../unit/catalog/fake-registry.ts";
import { quantile, show } from "./statistics.ts";

/**
 * What declarations cost: tokens of each recorded server against its native list, and, tool by tool, time and tokens against
 * json-schema-to-typescript, which writes the same schemas as types. Rounds of both alternate in one run.
 */
const ROUNDS = 7;
const PEERS = new URL("peers/package.json", import.meta.url);

type Compile = (schema: object, name: string, options: object) => Promise<string>;

function loadPeer(): Compile | undefined {
  if (!existsSync(new URL("peers/node_modules/json-schema-to-typescript", import.meta.url))) return undefined;
  const peer: unknown = createRequire(PEERS)("json-schema-to-typescript");
  if (!isRecord(peer) || typeof peer["compile"] !== "function") throw new TypeError("The peer has no compile function");
  return peer["compile"] as Compile;
}

const lists = recordedTools();
const tools = Object.values(lists).flat();
const PEER_OPTIONS = { bannerComment: "", format: false, $refOptions: { resolve: { external: false } } };

function ownRound(): { readonly ms: number; readonly text: string } {
  // A catalog of its own: declarations are written once for each.
  const catalog = createCatalogSource(new FakeRegistry(lists)).current({ access: {} });
  const started = performance.now();
  const text = catalog.declarations();
  return { ms: performance.now() - started, text };
}

async function peerRound(compile: Compile): Promise<{ readonly ms: number; readonly text: string }> {
  const schemas = tools.flatMap(({ name, inputSchema, outputSchema }, at) => [
    [`${name}${at}Arguments`, inputSchema] as const,
    ...(outputSchema === undefined ? [] : [[`${name}${at}Result`, outputSchema] as const]),
  ]);
  // It changes what it is given.
  const copies = schemas.map(([name, schema]): [string, JsonSchema] => [name, structuredClone(schema)]);
  const started = performance.now();
  const texts: string[] = [];
  for (const [name, schema] of copies) {
    texts.push(await compile(typeof schema === "boolean" ? {} : schema, name, PEER_OPTIONS));
  }
  return { ms: performance.now() - started, text: texts.join("\n") };
}

function printShares(): void {
  const shares = tokenShares(createCatalogSource(new FakeRegistry(lists)).current({ access: {} }));
  const row = (...cells: readonly (string | number)[]): void =>
    console.log(cells.map((cell, at) => (at === 0 ? String(cell).padEnd(18) : String(cell).padStart(10))).join(""));
  row("o200k tokens a tool", "tools", "native", "+ output", "declared", "/ native", "/ + output", "mean");
  let [count, native, withOutput, declared, mean] = [0, 0, 0, 0, 0];
  for (const share of shares) {
    const { tools: of } = share;
    row(
      share.server,
      of,
      (share.native / of).toFixed(1),
      (share.nativeWithOutput / of).toFixed(1),
      (share.declared / of).toFixed(1),
      (share.declared / share.native).toFixed(3),
      (share.declared / share.nativeWithOutput).toFixed(3),
      share.meanShare.toFixed(3),
    );
    [count, native, withOutput] = [count + of, native + share.native, withOutput + share.nativeWithOutput];
    [declared, mean] = [declared + share.declared, mean + share.meanShare * of];
  }
  row(
    "all",
    count,
    (native / count).toFixed(1),
    (withOutput / count).toFixed(1),
    (declared / count).toFixed(1),
    (declared / native).toFixed(3),
    (declared / withOutput).toFixed(3),
    (mean / count).toFixed(3),
  );
}

printShares();
const compile = loadPeer();
const own: number[] = [];
const peer: number[] = [];
let [ownText, peerText] = ["", ""];
for (let round = 0; round <= ROUNDS; round++) {
  const ours = ownRound();
  const theirs = compile === undefined ? undefined : await peerRound(compile);
  ownText = ours.text;
  // The first round warms both up.
  if (round === 0) continue;
  own.push(ours.ms / tools.length);
  if (theirs === undefined) continue;
  peerText = theirs.text;
  peer.push(theirs.ms / tools.length);
}
console.log(
  `\nRunlet: ${show(quantile(own, 0.5) * 1000)} µs a tool (median of ${ROUNDS} rounds), ${countTokens(ownText)} tokens in all`,
);
if (compile === undefined) {
  console.log("json-schema-to-typescript is not installed: npm run bench:peers, then again.");
} else {
  console.log(
    `json-schema-to-typescript: ${show(quantile(peer, 0.5) * 1000)} µs a tool, ${countTokens(peerText)} tokens in all`,
  );
  console.log(
    `Ratios: time ${show(quantile(own, 0.5) / quantile(peer, 0.5))}, tokens ${show(countTokens(ownText) / countTokens(peerText))}`,
  );
}

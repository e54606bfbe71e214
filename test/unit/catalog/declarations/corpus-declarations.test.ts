import { expect, test } from "vitest";
import type { Catalog } from "../../../../src/catalog/catalog.ts";
import { propertyAccess } from "../../../../src/catalog/tool-names.ts";
import type { JsonSchema, ToolDefinition } from "../../../../src/upstream/upstream.ts";
import { compileTypes, literalText } from "../../../support/compile-types.ts";
import { PACKS } from "../../../support/pack-data.ts";
import type { PackStep, PackTool } from "../../../support/pack-data.ts";
import { readRetrievalSet, RETRIEVAL_SETS } from "../../../support/retrieval.ts";
import { catalogOf, tool } from "../fake-registry.ts";

/** One file for each server's declarations, and one with every signature. */
function filesOf(catalog: Catalog): Readonly<Record<string, string>> {
  const declarations = catalog.servers.map((server) => [
    `${server}.d.ts`,
    `${catalog.declarations([server])}export {};\n`,
  ]);
  const functions = catalog.tools.map(({ namespace, method, signature }, at) => {
    const path = `mcp${propertyAccess(namespace)}${propertyAccess(method)}`;
    expect(signature.startsWith(`${path}(`)).toBe(true);
    return `declare function f${at}${signature.slice(path.length)};\n`;
  });
  return { ...Object.fromEntries(declarations), "signatures.d.ts": functions.join("") };
}

function toDefinition({ name, description = "", inputSchema, outputSchema }: PackTool): ToolDefinition {
  const output = outputSchema === undefined ? {} : { outputSchema: outputSchema as JsonSchema };
  return tool(name, { description, inputSchema: inputSchema as JsonSchema, ...output });
}

/** The tools of all workflows of a pack, the first of each name, and the recorded calls of those that are this very tool. */
function readPack(pack: (typeof PACKS)[number]): { readonly catalog: Catalog; readonly calls: readonly PackStep[] } {
  const servers = new Map<string, Map<string, PackTool>>();
  const calls: PackStep[] = [];
  for (const { tools, steps } of pack.read()) {
    for (const [server, listed] of tools) {
      const known = servers.get(server) ?? new Map<string, PackTool>();
      servers.set(server, known);
      for (const one of listed) if (!known.has(one.name)) known.set(one.name, one);
    }
    const isKnown = ({ server, tool: name }: PackStep): boolean => {
      const own = tools.get(server)?.find((one) => one.name === name);
      return own !== undefined && JSON.stringify(own) === JSON.stringify(servers.get(server)?.get(name));
    };
    calls.push(...steps.filter((step) => step.exception === undefined && isKnown(step)));
  }
  const lists = [...servers].map(([server, known]) => [server, [...known.values()].map(toDefinition)] as const);
  return { catalog: catalogOf(Object.fromEntries(lists)), calls };
}

test(
  "the declarations and the signatures of all tools of the retrieval sets compile",
  { timeout: 120_000 },
  async () => {
    const sets = RETRIEVAL_SETS.map((set) => {
      const { tools } = readRetrievalSet(set);
      return [
        set,
        tools.map(({ name, description, inputSchema }) => tool(name, { description, inputSchema })),
      ] as const;
    });
    const catalog = catalogOf(Object.fromEntries(sets));
    expect(catalog.tools.length).toBeGreaterThan(3_000);
    expect(await compileTypes(filesOf(catalog))).toBe("");
  },
);

test.each(PACKS)(
  "the declarations and the signatures of all tools of $name compile, and its recorded calls against them",
  { timeout: 120_000 },
  async (pack) => {
    const { catalog, calls } = readPack(pack);
    expect(await compileTypes(filesOf(catalog))).toBe("");
    const lines = calls.map(({ server, tool: name, args }) => {
      const found = catalog.find(server, name);
      const path = `mcp${propertyAccess(found?.namespace ?? "")}${propertyAccess(found?.method ?? "")}`;
      return `void ${path}(${literalText(args)});`;
    });
    expect(lines.length).toBeGreaterThan(20);
    expect(await compileTypes({ "mcp.d.ts": catalog.declarations(), "calls.ts": lines.join("\n") })).toBe("");
  },
);

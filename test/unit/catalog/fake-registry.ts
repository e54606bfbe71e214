import { readFileSync, readdirSync } from "node:fs";
import { createCatalogSource } from "../../../src/catalog/catalog-source.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { UpstreamConfig } from "../../../src/config/config.ts";
import type { JsonSchema, ToolDefinition, Upstream, UpstreamRegistry } from "../../../src/upstream/upstream.ts";

const FIXTURES = new URL("../../fixtures/data/tools/", import.meta.url);

/** A tool with what a test says of it. */
export function tool(name: string, rest: Partial<Omit<ToolDefinition, "name">> = {}): ToolDefinition {
  return { server: "", name, description: "", inputSchema: { type: "object" }, ...rest };
}

/** A tool whose arguments have this schema. */
export function toolTaking(name: string, inputSchema: JsonSchema): ToolDefinition {
  return tool(name, { inputSchema });
}

/** A registry of servers whose lists a test changes at will. */
export class FakeRegistry implements UpstreamRegistry {
  readonly #lists = new Map<string, readonly ToolDefinition[] | undefined>();
  readonly #distrusted = new Set<string>();
  readonly settled: unknown[] = [];
  version = 1;
  /** What happens while somebody waits in `settle`. */
  whileSettling: () => void = () => undefined;

  constructor(lists: Readonly<Record<string, readonly ToolDefinition[] | undefined>> = {}) {
    for (const [server, tools] of Object.entries(lists)) this.set(server, tools);
  }

  set(server: string, tools: readonly ToolDefinition[] | undefined, trusted = true): void {
    this.#lists.set(
      server,
      tools?.map((definition) => ({ ...definition, server })),
    );
    if (trusted) this.#distrusted.delete(server);
    else this.#distrusted.add(server);
    this.version++;
  }

  list(): readonly Upstream[] {
    return [...this.#lists.keys()].map((name) => this.#upstream(name));
  }

  get(name: string): Upstream | undefined {
    return this.#lists.has(name) ? this.#upstream(name) : undefined;
  }

  settle(options?: object): Promise<void> {
    this.settled.push(options);
    this.whileSettling();
    return Promise.resolve();
  }

  releaseRun(): void {}

  onChange(): () => void {
    return () => undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #upstream(name: string): Upstream {
    const config = { name, trustAnnotations: !this.#distrusted.has(name) } as UpstreamConfig;
    const refuse = (): never => {
      throw new Error("a catalog never calls its upstreams");
    };
    return {
      config,
      sharesSessions: true,
      knownTools: () => this.#lists.get(name),
      knownInstructions: () => undefined,
      knownProtocol: () => undefined,
      status: refuse,
      tools: refuse,
      callTool: refuse,
      releaseRun: refuse,
      restart: refuse,
      close: refuse,
    };
  }
}

/** The catalog of somebody who may use everything. */
export function catalogOf(lists: Readonly<Record<string, readonly ToolDefinition[] | undefined>>): Catalog {
  return createCatalogSource(new FakeRegistry(lists)).current({ access: {} });
}

/** The recorded lists of real servers, by server. */
export function recordedTools(): Record<string, readonly ToolDefinition[]> {
  const lists: Record<string, readonly ToolDefinition[]> = {};
  for (const file of readdirSync(FIXTURES).filter((name) => name.endsWith(".json"))) {
    const { tools } = JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8")) as { tools: ToolDefinition[] };
    lists[file.replace(".json", "")] = tools.map((one) => Object.assign(tool(one.name), one));
  }
  return lists;
}

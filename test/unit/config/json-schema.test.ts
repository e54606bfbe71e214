import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkShape } from "../../../src/config/check.ts";
import { optionsJsonSchema } from "../../../src/config/json-schema.ts";
import { OPTIONS_SCHEMA } from "../../../src/config/schema.ts";
import { HASH } from "./support.ts";

const schema = optionsJsonSchema();
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false });
const validate = ajv.compile(schema);

const faultsOf = (options: unknown): string[] =>
  validate(options) ? [] : [...new Set((validate.errors ?? []).map(({ instancePath }) => instancePath))];

describe("the published JSON Schema", () => {
  test("is valid 2020-12 and has standard keywords only: a strict compiler takes it", () => {
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(ajv.validateSchema(schema)).toBe(true);
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });

  test("has every key of the table, with its documentation and its environment variable", () => {
    const properties = schema["properties"] as Record<string, { description: string }>;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(OPTIONS_SCHEMA.properties)));
    expect(properties["port"]).toEqual({
      description: "Port to listen on; 0 takes a free one. Environment: RUNLET_PORT.",
      default: 8377,
      anyOf: [
        { type: "integer", minimum: 0, maximum: 65_535 },
        { type: "string", pattern: "\\$\\{" },
      ],
    });
  });

  test.each([
    {},
    { port: 1, host: "::1", shutdownGrace: "30s", log: { level: "info", pretty: true } },
    { mcpServers: { a: { command: "x", args: ["-v", 1, true], timeout: 5_000, tools: { deny: ["rm*"] } } } },
    {
      mcpServers: {
        a: { url: "http://x", concurrency: 4 },
        b: { command: "y", concurrency: { limit: 2, wait: "5s" } },
      },
    },
    { clients: { a: { key: HASH, servers: ["*"], tools: { "*": ["get_*"] }, classes: ["read"] } } },
    { limits: { wallMs: "5s", memoryMiB: { default: 32, max: 64 }, resultBytes: "2m" } },
    { model: { baseURL: "http://x", model: "m", temperature: 0.5 } },
    { "x-team": { anything: 1 }, $schema: "http://127.0.0.1:8377/schema.json" },
  ])("takes what the check takes: %j", (options) => {
    expect(checkShape(options)).toEqual([]);
    expect(faultsOf(options)).toEqual([]);
  });

  test.each([
    [{ port: "8377" }, "/port"],
    [{ port: 70_000 }, "/port"],
    [{ log: { level: "loud" } }, "/log/level"],
    [{ log: { pretty: "yes" } }, "/log/pretty"],
    [{ mcpServers: { a: { args: "x" } } }, "/mcpServers/a/args"],
    [{ mcpServers: { a: { timeout: 0 } } }, "/mcpServers/a/timeout"],
    [{ clients: { a: { key: "rk_key" } } }, "/clients/a/key"],
    [{ clients: { a: { key: HASH, classes: ["all"] } } }, "/clients/a/classes/0"],
    [{ limits: { wallMs: -1 } }, "/limits/wallMs"],
    [{ model: { model: "m" } }, "/model"],
  ])("refuses what the check refuses: %j", (options, path) => {
    expect(checkShape(options)).toHaveLength(1);
    expect(faultsOf(options)).toContain(path);
  });

  test("a misspelt rule is refused, a misspelt setting is not: it is a warning of the check", () => {
    expect(faultsOf({ clients: { a: { key: HASH, clases: [] } } })).toEqual(["/clients/a"]);
    expect(faultsOf({ queue: { dept: 1 } })).toEqual([]);
  });

  test.each([
    { port: "${PORT}", log: { level: "${LEVEL:-info}", pretty: "${PRETTY}" } },
    { clients: { a: { key: "${file:/run/secrets/hash}", admin: "${ADMIN}" } } },
    { mcpServers: { a: { command: "${CMD}", args: ["${DIR}"], disabled: "${OFF}" } } },
  ])("takes references wherever a value is: %j", (options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  test.each(["docker-gateway", "docker-security"])("takes the published block %s", (name) => {
    const text = readFileSync(new URL(`../../fixtures/data/configuration/${name}.yaml`, import.meta.url), "utf8");
    const block = parse(text) as Readonly<Record<string, unknown>>;
    expect(faultsOf(block)).toEqual([]);
    const { access_control: access } = block as { access_control?: { clients: object } };
    if (access !== undefined) expect(faultsOf({ clients: access.clients })).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { schemaToType } from "../../../../src/catalog/declarations/schema-to-type.ts";
import { shareMembers } from "../../../../src/catalog/declarations/shared-members.ts";
import { TypeNames } from "../../../../src/catalog/declarations/type-names.ts";
import type { TypeNode } from "../../../../src/catalog/declarations/type-node.ts";
import { printNode } from "../../../../src/catalog/declarations/type-printer.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";

const LONG = ["retry-delay-in-seconds", "retry-max-delay-in-seconds", "retry-network-timeout-in-seconds"] as const;

/** An object of the long members and of others. @param required Names of those that are not optional. */
function taking(others: readonly string[], required: readonly string[] = [], type = "number"): JsonSchema {
  const names = [...others, ...LONG];
  return { type: "object", properties: Object.fromEntries(names.map((name) => [name, { type }])), required };
}

function share(schemas: readonly JsonSchema[]): {
  readonly nodes: readonly string[];
  readonly bodies: readonly string[];
} {
  const { nodes, bodies } = shareMembers(
    schemas.map((schema) => schemaToType(schema).root),
    new TypeNames("X"),
  );
  const print = (node: TypeNode): string => printNode(node, { layout: "line" });
  return { nodes: nodes.map(print), bodies: [...bodies].map(([name, body]) => `${name} = ${print(body)}`) };
}

const COMMON = `{ ${LONG.map((name) => `"${name}"?: number`).join("; ")} }`;

describe("parameters that several tools have", () => {
  test("become a type of their own, and each tool keeps the others", () => {
    expect(share([taking(["a"]), taking(["b", "c"]), taking(["d"], ["d"]), taking([])])).toEqual({
      nodes: [
        "X_Common & { a?: number }",
        "X_Common & { b?: number; c?: number }",
        "X_Common & { d: number }",
        "X_Common",
      ],
      bodies: [`X_Common = ${COMMON}`],
    });
  });

  test("stay where they are when one is required, of another type, or missing", () => {
    const different = [taking(["a"]), taking(["b"], [LONG[0]]), taking(["c"], [], "string"), taking([], [LONG[1]])];
    expect(share(different).bodies).toEqual([]);
    expect(share(different).nodes[1]).toBe(
      `{ b?: number; "${LONG[0]}": number; "${LONG[1]}"?: number; "${LONG[2]}"?: number }`,
    );
  });

  test("stay where they are when a type would save little", () => {
    const short = ["a", "b", "c"].map((name) => ({
      type: "object",
      properties: { [name]: {}, x: {}, y: {}, z: {} },
    }));
    expect(share(short).bodies).toEqual([]);
  });

  test("keep what is said of further properties", () => {
    const schemas = [1, 2, 3, 4].map(() => Object.assign(taking([]), { additionalProperties: true }));
    expect(share(schemas).nodes).toEqual([1, 2, 3, 4].map(() => "X_Common & Record<string, unknown>"));
  });

  test("are found among more than are looked at", () => {
    const names = Array.from({ length: 180 }, (_, at) => `number-${String(at).padStart(3, "0")}`);
    const schemas = ["number", "string", "number", "string"].map((type) => ({
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, { type }])),
    }));
    const { nodes, bodies } = share(schemas);
    expect(bodies).toHaveLength(2);
    expect(nodes[0]).toBe("X_Common");
    expect(nodes[2]).toBe("X_Common");
    expect(nodes[1]).toMatch(/^X_Common2 & \{ "number-076"\?: string; .*"number-179"\?: string \}$/u);
  });

  test("are found in time that many tools with many parameters do not stretch", () => {
    const names = Array.from({ length: 300 }, (_, at) => `a-parameter-with-a-long-name-${at}`);
    const schemas = Array.from({ length: 400 }, (_, at) => ({
      type: "object",
      // Each tool has another half of them.
      properties: Object.fromEntries(
        names.filter((_name, index) => (index * 7919 + at * 104_729) % 13 < 6).map((name) => [name, {}]),
      ),
    }));
    const { nodes, bodies } = share(schemas);
    expect(nodes).toHaveLength(400);
    expect(bodies.length).toBeLessThanOrEqual(4);
  });
});

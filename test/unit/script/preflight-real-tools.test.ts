import { describe, expect, it } from "vitest";
import { propertyAccess } from "../../../src/catalog/tool-names.ts";
import { createArgumentValidator } from "../../../src/gateway/validator.ts";
import type { ErrorInfo } from "../../../src/lib/errors.ts";
import { checkNames } from "../../../src/script/preflight.ts";
import { catalogOf, recordedTools } from "../catalog/fake-registry.ts";
import { prepare } from "./run-script.ts";

const catalog = catalogOf(recordedTools());
const validator = createArgumentValidator();

async function check(text: string): Promise<readonly ErrorInfo[]> {
  return checkNames(await prepare(text), catalog, validator);
}

/** The signature of a tool that an error names, such as `files.read_file`. */
function signatureOf(name: string): string | undefined {
  const at = name.indexOf(".");
  return catalog.find(name.slice(0, at), name.slice(at + 1))?.signature;
}

/** A name with its last letter but one left out. */
function misspelt(name: string): string {
  return name.slice(0, -2) + name.slice(-1);
}

describe("a misspelt name of a real tool", () => {
  it("is told with the three nearest tools and their signatures, the right one first", async () => {
    const told = await check("const a = 1;\n  await mcp.filesystem.readTextFil({ path: 'a' });");
    const nearest = ["filesystem.read_text_file", "filesystem.read_media_file", "filesystem.read_file"];
    expect(told).toEqual([
      {
        code: "TOOL_NOT_FOUND",
        message:
          'Cannot call mcp.filesystem.readTextFil as server "filesystem" has no such tool: the nearest are ' +
          "mcp.filesystem.readTextFile, mcp.filesystem.readMediaFile, mcp.filesystem.readFile",
        fault: "client",
        retryable: false,
        line: 2,
        column: 9,
        snippet: "await mcp.filesystem.readTextFil({ path: 'a' });",
        hint: ["The nearest tools are:", ...nearest.map(signatureOf)].join("\n"),
        details: { nearest },
      },
    ]);
  });

  it("is found for each of 482 tools, and what is offered are signatures of up to three tools that there are", async () => {
    const known = new Set(catalog.tools.map(({ namespace, method }) => `${namespace}.${method}`));
    const wrong = catalog.tools.filter(
      ({ namespace, method }) => method.length > 4 && !known.has(`${namespace}.${misspelt(method)}`),
    );
    expect(wrong.length).toBeGreaterThan(450);
    let offered = 0;
    for (const { server, name, namespace, method } of wrong) {
      const call = `mcp${propertyAccess(namespace)}${propertyAccess(misspelt(method))}`;
      const [error, ...others] = await check(`await ${call}({})`);
      expect([error?.code, error?.line, error?.column, others]).toEqual(["TOOL_NOT_FOUND", 1, 7, []]);
      const details = error?.details as { readonly nearest: readonly string[] } | undefined;
      const nearest = details?.nearest ?? [];
      expect(nearest.length).toBeLessThanOrEqual(3);
      expect(error?.hint?.split("\n").slice(1)).toEqual(nearest.map(signatureOf));
      if (nearest.includes(`${server}.${name}`)) offered++;
    }
    expect(offered / wrong.length).toBeGreaterThan(0.97);
  });
});

describe("a written-out object without a property that a real tool requires", () => {
  it("is refused with the tool's signature, for each tool that requires one", async () => {
    const strict = catalog.tools.filter(({ inputSchema }) => {
      const required = typeof inputSchema === "object" ? inputSchema["required"] : undefined;
      return Array.isArray(required) && required.length > 0;
    });
    expect(strict.length).toBeGreaterThan(250);
    for (const { server, name, namespace, method, signature } of strict) {
      const call = `mcp${propertyAccess(namespace)}${propertyAccess(method)}`;
      const errors = await check(`const r = 1;\nawait ${call}({ noSuchProperty: 1 })`);
      expect(errors).toMatchObject([{ code: "TOOL_ARGUMENTS_INVALID", server, tool: name, line: 2 }]);
      expect(errors[0]?.hint).toBe(`The tool is ${signature}`);
    }
  });
});

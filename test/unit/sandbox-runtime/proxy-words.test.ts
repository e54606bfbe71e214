import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

/** What is asked of every value, or is a function's or an object's own: `mcp` answers these itself. */
const ANSWERED = new Set(
  (
    "then catch finally toJSON constructor prototype __proto__ call apply bind name length " +
    "hasOwnProperty propertyIsEnumerable toString toLocaleString valueOf"
  ).split(" "),
);

const word = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    "a-b",
    "constructor_",
    "__defineGetter__",
    "0",
    "-1",
    "class",
    "new",
    "$search",
    "arguments",
    "caller",
    "then_",
  ),
);

describe("any words after mcp", () => {
  it("are sent as they are written, and nothing else is", async () => {
    const paths = fc
      .sample(fc.array(word, { minLength: 2, maxLength: 4 }), { numRuns: 150, seed: 11 })
      .filter((path) => !path.some((name) => ANSWERED.has(name)));
    expect(paths.length).toBeGreaterThan(100);
    const { calls, result, error } = await run(
      `const kinds = new Set();
       for (const path of input) { let node = mcp; for (const name of path) { node = node[name]; kinds.add(typeof node) } await node(path.length) }
       return [...kinds]`,
      { input: paths },
    );
    expect([error, result]).toEqual([undefined, ["function"]]);
    expect(calls).toEqual(paths.map((path) => ({ path, args: [path.length] })));
  });

  it("are enumerated as they are named, whatever they are", async () => {
    const lists = fc.sample(fc.uniqueArray(word, { minLength: 1, maxLength: 12 }), { numRuns: 20, seed: 5 });
    for (const methods of lists) {
      const { result } = await run(
        `const seen = []; for (const name in mcp.server) seen.push(name);
         return [Object.keys(mcp.server), seen, input.every((name) => name in mcp.server && typeof mcp.server[name] === "function"), Object.keys({ ...mcp.server }).length]`,
        { names: { server: methods }, input: methods },
      );
      expect(result).toEqual([methods, methods, true, methods.length]);
    }
  });
});

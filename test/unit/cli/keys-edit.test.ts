import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import { createCallers } from "../../../src/config/callers.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { clientKeyHash, createClientKey } from "../../../src/config/clients.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Config } from "../../../src/config/config.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { folderWith, problemsOf } from "../config/support.ts";
import { captureIo } from "./support.ts";

const [ANN, BOB, OLD] = [createClientKey(), createClientKey(), createClientKey()];

const YAML = `# Who may call.
clients:
  ann: # does the books
    key: sha256:${ANN.hash}
    servers: [files] # no more
  bob:
    key: [${OLD.hash}, "sha256:${BOB.hash}"]
    classes: [read]
    admin: true
mcpServers: {files: {command: x}} # the only one
`;

const JSONC = `{
  // Who may call.
  "clients": {
    "ann": { "key": "${ANN.hash}" }, // does the books
    "bob": { "key": ["${OLD.hash}", "${BOB.hash}"] },
  },
}
`;

async function keys(cwd: string, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = captureIo(cwd);
  const code = await runCli(["keys", ...args], io, new AbortController().signal);
  return { code, out: io.out, err: io.err };
}

function compile(cwd: string): Config {
  const loaded = loadOptions({ cwd, env: {} });
  return compileConfig(loaded.options, loaded);
}

/** Whom a key lets in; `undefined` when nobody. */
function holder(cwd: string, key: string | undefined): string | undefined {
  try {
    return createCallers(compile(cwd), systemClock).authenticate(
      new Headers(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ).id;
  } catch {
    return undefined;
  }
}

const read = (cwd: string, name = "runlet.yaml"): string => readFileSync(join(cwd, name), "utf8");

describe("several keys of one client", () => {
  test("each lets it in", () => {
    const cwd = folderWith({ "runlet.yaml": YAML });
    expect([ANN.key, BOB.key, OLD.key, "rk_none"].map((key) => holder(cwd, key))).toEqual([
      "ann",
      "bob",
      "bob",
      undefined,
    ]);
  });

  test("a key that another client has, a key itself, and an empty list are refused, unseen", () => {
    const two = `clients: {a: {key: [${ANN.hash}]}, b: {key: [${BOB.hash}, ${ANN.hash}]}}`;
    expect(problemsOf(() => compile(folderWith({ "runlet.yaml": two })))).toEqual([
      expect.stringContaining("must be a key of its own, and is that of a"),
    ]);
    const [plain = ""] = problemsOf(() => compile(folderWith({ "runlet.yaml": `clients: {a: {key: [${ANN.key}]}}` })));
    expect(plain).toContain("copy the hash it prints, not the key");
    expect(plain).not.toContain(ANN.key);
    expect(problemsOf(() => compile(folderWith({ "runlet.yaml": "clients: {a: {key: []}}" })))).toHaveLength(1);
  });
});

describe("list", () => {
  test("tells clients by the beginnings of their hashes, and what they may use", async () => {
    const { code, out } = await keys(folderWith({ "runlet.yaml": YAML }), "list");
    expect(code).toBe(0);
    const [ann, bob] = out.split("\n");
    expect(ann).toBe(`ann${" ".repeat(23)}sha256:${ANN.hash.slice(0, 12)}…  servers files`);
    expect(bob).toContain(
      `sha256:${OLD.hash.slice(0, 12)}…, sha256:${BOB.hash.slice(0, 12)}…  admin; servers all; read only`,
    );
    for (const { hash } of [ANN, BOB, OLD]) expect(out).not.toContain(hash);
  });

  test("--json has the same", async () => {
    const { out } = await keys(folderWith({ "runlet.yaml": YAML }), "list", "--json");
    expect(JSON.parse(out)).toEqual([
      {
        name: "ann",
        keys: [ANN.hash.slice(0, 12)],
        admin: false,
        servers: ["files"],
        tools: {},
        classes: ["read", "write", "destructive"],
      },
      {
        name: "bob",
        keys: [OLD.hash.slice(0, 12), BOB.hash.slice(0, 12)],
        admin: true,
        servers: ["*"],
        tools: {},
        classes: ["read"],
      },
    ]);
  });

  test("without clients it says who may call", async () => {
    expect(await keys(folderWith({ "runlet.yaml": "" }), "list")).toMatchObject({
      code: 0,
      out: "",
      err: expect.stringContaining("everybody on this machine may call") as string,
    });
  });
});

describe("revoke", () => {
  test.each([
    ["runlet.yaml", YAML, ["# Who may call.", "mcpServers: {files: {command: x}} # the only one"]],
    ["runlet.jsonc", JSONC, ["// Who may call."]],
  ])("takes a client out of %s, and nothing else", async (name, text, comments) => {
    const cwd = folderWith({ [name]: text });
    const { code, out, err } = await keys(cwd, "revoke", "ann");
    expect([code, out]).toEqual([0, `ann is taken out of the clients of ${name}.\n`]);
    expect(err).toContain("takes it within a second");
    expect([ANN.key, BOB.key, OLD.key].map((key) => holder(cwd, key))).toEqual([undefined, "bob", "bob"]);
    for (const comment of comments)
      expect(read(cwd, name).replaceAll("{ ", "{").replaceAll(" }", "}")).toContain(comment);
  });

  test("with --key takes that key out and leaves the others", async () => {
    const cwd = folderWith({ "runlet.yaml": YAML });
    const { out } = await keys(cwd, "revoke", "bob", "--key", `sha256:${OLD.hash.slice(0, 12)}…`);
    expect(out).toBe("One key of bob is taken out of runlet.yaml; 1 left.\n");
    expect([OLD.key, BOB.key].map((key) => holder(cwd, key))).toEqual([undefined, "bob"]);
    expect(read(cwd)).toContain(`key: sha256:${BOB.hash}`);
  });

  test("the last client with a key stays without one that anybody holds: the door does not open", async () => {
    const more = "\ndefaultPolicy: allow\n";
    const cwd = folderWith({ "runlet.yaml": `clients: {guest: {unverified: true}, ann: {key: ${ANN.hash}}}${more}` });
    const { code, err } = await keys(cwd, "revoke", "ann");
    expect([code, err]).toEqual([0, expect.stringContaining("ann stays, with a key that nobody holds")]);
    expect([holder(cwd, ANN.key), holder(cwd, undefined)]).toEqual([undefined, undefined]);
    const only = folderWith({ "runlet.yaml": `clients: {ann: {key: ${ANN.hash}, admin: true}}\n` });
    await keys(only, "revoke", "ann");
    expect([holder(only, ANN.key), holder(only, undefined)]).toEqual([undefined, undefined]);
    expect(compile(only).clients).toMatchObject([{ principal: { id: "ann", admin: false, access: { servers: [] } } }]);
  });

  test("a client without a key is taken out too", async () => {
    const cwd = folderWith({ "runlet.yaml": `clients: {guest: {unverified: true}, ann: {key: ${ANN.hash}}}\n` });
    await keys(cwd, "revoke", "guest");
    expect(compile(cwd).clients.map(({ principal }) => principal.id)).toEqual(["ann"]);
  });

  test.each([
    ["a client that is not there", ["ana"], "Did you mean ann?"],
    [
      "a key that is not there",
      ["bob", "--key", "00ff00ff00ff"],
      "exactly one hash must begin with 00ff00ff00ff: none does",
    ],
    ["no beginning at all", ["bob", "--key", ""], "none does"],
  ])("%s is a failure that changes nothing", async (_what, args, told) => {
    const cwd = folderWith({ "runlet.yaml": YAML });
    const { code, err } = await keys(cwd, "revoke", ...args);
    expect([code, read(cwd)]).toEqual([1, YAML]);
    expect(err).toContain(told);
  });
});

describe("create --save", () => {
  test("the first client: its key is needed from then on", async () => {
    const cwd = folderWith({ "runlet.yaml": "# mine\nport: 1\n" });
    const { code, out, err } = await keys(cwd, "create", "ann", "--save");
    const key = /rk_[\w-]{43}/u.exec(out)?.[0] ?? "";
    expect([code, holder(cwd, key), holder(cwd, undefined)]).toEqual([0, "ann", undefined]);
    expect(err).toContain("nobody can call without a key any more");
    expect(read(cwd)).toContain("# mine\nport: 1\n");
    expect(read(cwd)).not.toContain(key);
  });

  test("without a file one is made", async () => {
    const cwd = folderWith({});
    const { out } = await keys(cwd, "create", "ann", "--save", "--json");
    const { key, hash } = JSON.parse(out) as { key: string; hash: string };
    expect(holder(cwd, key)).toBe("ann");
    expect(read(cwd)).toBe(`clients:\n  ann:\n    key: sha256:${hash}\n`);
  });

  test.each([
    ["runlet.yaml", YAML],
    ["runlet.jsonc", JSONC],
  ])("a client of %s that has keys gets one more, and the old ones go on to work", async (name, text) => {
    const cwd = folderWith({ [name]: text });
    const { out, err } = await keys(cwd, "create", "ann", "--save", "--json");
    const { key } = JSON.parse(out) as { key: string };
    expect([key, ANN.key].map((one) => holder(cwd, one))).toEqual(["ann", "ann"]);
    expect(err).toContain("goes on to work");
    expect(read(cwd, name)).toContain("# does the books".slice(2));
    expect(clientKeyHash(key)).toHaveLength(64);
  });

  test("a client that is unverified gets none: it would be let in without it", async () => {
    const text = "clients: {ann: {unverified: true}}\n";
    const cwd = folderWith({ "runlet.yaml": text });
    const { code, out, err } = await keys(cwd, "create", "ann", "--save");
    expect([code, out, read(cwd)]).toEqual([1, "", text]);
    expect(err).toContain("remove `unverified`");
  });
});

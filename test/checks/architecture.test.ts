import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/** A folder may import itself and folders on later lines; two folders on one line never import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["composition"],
  ["http", "mcp", "cli"],
  ["runs"],
  ["queue", "executor", "planner"],
  ["bridge"],
  ["script"],
  ["gateway"],
  ["catalog"],
  ["upstream"],
  ["store"],
  ["config", "observability"],
  ["lib"],
];

/** The composition root and the process entries connect all layers; nothing below them imports them but the command line. */
const ROOT_FILES = new Set(["service.ts", "index.ts", "main.ts", "version.ts"]);

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name));
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"(?<target>[^"]+)"|import\(\s*"(?<dynamic>[^"]+)"\s*\)/gu;

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(IMPORT)].flatMap(({ groups }) => groups?.["target"] ?? groups?.["dynamic"] ?? []);
}

function relativeImports(files: readonly string[]): Import[] {
  return files.flatMap((from) =>
    importsOf(from)
      .filter((target) => target.startsWith("."))
      .map((target) => ({ from, to: relative(ROOT, resolve(ROOT, dirname(from), target)) })),
  );
}

function folderOf(file: string): string {
  const [, folder = ""] = file.split(sep);
  return folder;
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((line) => line.includes(folder));
}

const sources = sourcesOf("src");
const runtime = sourcesOf("sandbox-runtime");

describe("layers", () => {
  test("every folder under src is in the list of layers, and every layer has files", () => {
    const folders = new Set(sources.filter((file) => !ROOT_FILES.has(relative("src", file))).map(folderOf));
    expect([...folders].sort()).toEqual(LAYERS.flat().toSorted());
  });

  test("a folder imports itself and folders on later lines only", () => {
    const wrong = relativeImports(sources).filter(({ from, to }) => {
      const [fromName, toName] = [relative("src", from), relative("src", to)];
      if (ROOT_FILES.has(fromName)) return false;
      if (toName === "version.ts" || toName === "service.ts") return !["cli", "composition"].includes(folderOf(from));
      const [a, b] = [folderOf(from), folderOf(to)];
      return a !== b && layerOf(a) >= layerOf(b);
    });
    expect(wrong).toEqual([]);
  });

  test("no file imports itself, directly or through others", () => {
    const graph = new Map<string, string[]>();
    for (const { from, to } of relativeImports([...sources, ...runtime]))
      graph.set(from, [...(graph.get(from) ?? []), to]);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (done.has(file) || path.includes(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test("the sandbox runtime shares exactly one file with the host: the message protocol", () => {
    const outside = relativeImports(runtime).filter(({ to }) => !to.startsWith("sandbox-runtime"));
    expect([...new Set(outside.map(({ to }) => to))]).toEqual([join("src", "bridge", "protocol.ts")]);
  });

  test("the message protocol uses the language only", () => {
    expect(importsOf(join("src", "bridge", "protocol.ts"))).toEqual([]);
  });

  test("lib imports nothing of ours and no package", () => {
    const foreign = sources
      .filter((file) => folderOf(file) === "lib")
      .flatMap(importsOf)
      .filter((target) => !target.startsWith("./") && !target.startsWith("node:"));
    expect(foreign).toEqual([]);
  });
});

describe("packages have one home", () => {
  const HOMES: readonly { readonly name: RegExp; readonly folders: readonly string[] }[] = [
    { name: /^isolated-vm$/u, folders: ["executor"] },
    { name: /^@modelcontextprotocol\//u, folders: ["upstream", "mcp"] },
    { name: /^(?:hono|@hono)(?:\/|$)/u, folders: ["http"] },
    { name: /^jose$/u, folders: ["http"] },
    { name: /^openai(?:\/|$)/u, folders: ["planner"] },
    { name: /^pino$/u, folders: ["observability"] },
    { name: /^(?:bullmq|ioredis)$/u, folders: ["queue", "store"] },
  ];

  test.each(HOMES)("$name is imported in $folders only", ({ name, folders }) => {
    const wrong = sources.filter(
      (file) => !folders.includes(folderOf(file)) && importsOf(file).some((target) => name.test(target)),
    );
    expect(wrong).toEqual([]);
  });
});

describe("form", () => {
  test("every export of src has a docstring", () => {
    const bare = sources.flatMap((file) => {
      const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
      return lines.flatMap((line, index) => {
        const isDeclaration = /^export (?:async )?(?:function\*?|class|interface|type|const|abstract class) \w/u.test(
          line,
        );
        if (!isDeclaration) return [];
        let above = index - 1;
        while (/^\s*@\w+|^\s*\/\/ /u.test(lines[above] ?? "")) above--;
        const documented = (lines[above] ?? "").trimEnd().endsWith("*/");
        const overload = line.startsWith("export function") && (lines[above] ?? "").startsWith("export function");
        return documented || overload ? [] : [`${file}:${index + 1} ${line}`];
      });
    });
    expect(bare).toEqual([]);
  });

  test("folders under src are at most three deep", () => {
    expect(sources.filter((file) => file.split(sep).length > 4)).toEqual([]);
  });

  test("half of the source files have at most 120 lines, nine of ten at most 250", () => {
    const sizes = [...sources, ...runtime]
      .map((file) => readFileSync(join(ROOT, file), "utf8").split("\n").length)
      .sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length * 0.5)]).toBeLessThanOrEqual(120);
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(250);
  });

  test("time, chance, environment and console are read in their own places only", () => {
    const allowed = new Map([
      ["Date.now", ["src/lib/clock.ts"]],
      ["performance.now", ["src/lib/clock.ts"]],
      ["process.env", ["src/main.ts", "src/service.ts", "src/cli/", "src/config/load.ts"]],
      ["console.", []],
    ]);
    const wrong = sources.flatMap((file) => {
      const text = readFileSync(join(ROOT, file), "utf8")
        .replaceAll(/\/\*[^]*?\*\/|\/\/.*/gu, "")
        .replaceAll(/(["'`])(?:\\.|(?!\1)[^\\])*\1/gu, '""');
      return [...allowed]
        .filter(([name, homes]) => text.includes(name) && !homes.some((home) => file.startsWith(home)))
        .map(([name]) => `${file}: ${name}`);
    });
    expect(wrong).toEqual([]);
  });
});

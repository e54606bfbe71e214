import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { compileConfig } from "../../src/config/compile.ts";
import { adviseOn } from "../../src/config/advise.ts";
import type { Options } from "../../src/config/options.ts";
import { configReference } from "../support/config-reference.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const PAGES = readdirSync(DOCS).filter((name) => name.endsWith(".md"));

test("the page of all keys is the table that the configuration is checked by; `vitest run test/checks/docs.test.ts -u` writes it", async () => {
  await expect(configReference()).toMatchFileSnapshot(join(DOCS, "configuration.md"));
});

describe.each(PAGES)("%s", (name) => {
  const text = readFileSync(join(DOCS, name), "utf8");

  test("every configuration in it loads, without a warning", () => {
    for (const { groups } of text.matchAll(/```yaml\n(?<body>[^]*?)```/gu)) {
      const body = (groups?.["body"] ?? "")
        .replaceAll(/\$\{[^}]*_hash\}/gu, (reference) => createHash("sha256").update(reference).digest("hex"))
        .replaceAll(/\$\{[^}]*\}/gu, "sample");
      const options: Options = parse(body);
      expect(() => compileConfig(options), body).not.toThrow();
      expect(
        adviseOn({ ...options }, () => undefined),
        body,
      ).toEqual({ warnings: [], problems: [] });
    }
  });

  test("every link in it leads to a file or a heading that is there", () => {
    const broken = [...text.matchAll(/\]\((?<to>[^)\s]+)\)/gu)]
      .map(({ groups }) => groups?.["to"] ?? "")
      .filter((to) => !/^https?:/u.test(to) && !leadsSomewhere(to, name));
    expect(broken).toEqual([]);
  });
});

/** Headings as GitHub makes anchors of them. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (?<text>.*)$/gmu)].map(({ groups }) => groups?.["text"] ?? "");
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function leadsSomewhere(to: string, from: string): boolean {
  const [path = "", anchor] = to.split("#");
  try {
    const target = readFileSync(join(DOCS, path === "" ? from : path), "utf8");
    return anchor === undefined || anchorsOf(target).has(anchor);
  } catch {
    return false;
  }
}

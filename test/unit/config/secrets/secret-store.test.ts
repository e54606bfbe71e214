import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newKeyText } from "../../../../src/config/secrets/master-key.ts";
import { openSecrets, removeSecret, rotateSecrets, setSecret } from "../../../../src/config/secrets/secret-store.ts";
import type { SecretsPlace } from "../../../../src/config/secrets/secrets-place.ts";
import { folderWith } from "../support.ts";

const NOON = Date.UTC(2026, 0, 2, 12);
const VALUE = "a value of some length ✓";

function newPlace(keyText?: string): SecretsPlace {
  const folder = join(folderWith({}), "data");
  return { file: join(folder, "secrets.json"), keyFile: join(folder, "secrets.key"), keyText };
}

function filled(names: readonly string[], keyText?: string): SecretsPlace {
  const place = newPlace(keyText);
  for (const name of names) setSecret(place, { name, value: `${VALUE} ${name}` }, NOON);
  return place;
}

/** What the store answers of each name, or the error. */
function read(place: SecretsPlace, name: string): unknown {
  return openSecrets(place)?.read(name);
}

function edit(file: string, change: (content: { keyId: string; secrets: Record<string, { sealed: string }> }) => void) {
  const content = JSON.parse(readFileSync(file, "utf8")) as Parameters<typeof change>[0];
  change(content);
  writeFileSync(file, JSON.stringify(content));
}

describe("a store", () => {
  test("gives back what was kept, and knows when", () => {
    const place = filled(["b", "a"]);
    setSecret(place, { name: "a", value: "another" }, NOON + 1000);
    expect([read(place, "a"), read(place, "b"), read(place, "c")]).toEqual(["another", `${VALUE} b`, undefined]);
    const at = "2026-01-02T12:00:00.000Z";
    expect(openSecrets(place)?.list).toEqual([
      { name: "a", createdAt: at, updatedAt: "2026-01-02T12:00:01.000Z" },
      { name: "b", createdAt: at, updatedAt: at },
    ]);
  });

  test("is for its owner alone: both files and the folder that is made", () => {
    const place = filled(["a"]);
    const modes = [place.file, place.keyFile, join(place.file, "..")].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o700]);
  });

  test("never holds the same text twice: equal values look different, and so does a value that is set again", () => {
    const place = newPlace();
    for (const name of ["a", "b"]) setSecret(place, { name, value: VALUE }, NOON);
    const before = readFileSync(place.file, "utf8");
    setSecret(place, { name: "a", value: VALUE }, NOON);
    const sealed = [...(before + readFileSync(place.file, "utf8")).matchAll(/"sealed": "([^"]+)"/gu)].map(([, s]) => s);
    expect(sealed).toHaveLength(4);
    // The second writing has b as it was.
    expect(new Set(sealed).size).toBe(3);
  });

  test("that is not there is none, and is not made by reading", () => {
    const place = newPlace();
    expect(openSecrets(place)).toBeUndefined();
    expect(existsSync(place.keyFile)).toBe(false);
  });

  test.each([
    ["hex of the environment", "AB".repeat(32), true],
    ["base64", Buffer.alloc(32, 7).toString("base64"), true],
    ["base64url without padding", Buffer.alloc(32, 255).toString("base64url"), true],
    ["31 bytes", "ab".repeat(31), false],
    ["a password", "correct horse battery staple", false],
    ["nothing but space", "   ", false],
  ])("takes a master key as %s: %j: %s", (_what, keyText, taken) => {
    const place = newPlace(keyText);
    const set = (): unknown => setSecret(place, { name: "a", value: VALUE }, NOON);
    if (taken) {
      expect(set()).toEqual({ file: place.file, keyFile: undefined });
      expect([read(place, "a"), existsSync(place.keyFile)]).toEqual([VALUE, false]);
    } else {
      expect(set).toThrow(/must be 32 bytes/u);
      expect(existsSync(place.file)).toBe(false);
    }
  });

  test("a wrong master key is not shown in the error", () => {
    const place = newPlace("a very secret but wrong key");
    expect(() => setSecret(place, { name: "a", value: VALUE }, NOON)).toThrow(/^(?!.*very secret)/su);
  });
});

describe("a store that somebody else had in hand", () => {
  test("does not open with another key, and says which it needs", () => {
    const place = filled(["a"]);
    writeFileSync(place.keyFile, newKeyText());
    expect(() => openSecrets(place)).toThrow(/must be the one it was written with \([0-9a-f]{16}\)/u);
    expect(() => setSecret(place, { name: "b", value: VALUE }, NOON)).toThrow(/must be the one/u);
  });

  test("does not open without its key, and does not make another", () => {
    const place = filled(["a"]);
    renameSync(place.keyFile, `${place.keyFile}.away`);
    expect(() => setSecret(place, { name: "b", value: VALUE }, NOON)).toThrow(/must be the one/u);
    expect(existsSync(place.keyFile)).toBe(false);
    renameSync(`${place.keyFile}.away`, place.keyFile);
    expect(read(place, "a")).toBe(`${VALUE} a`);
  });

  test.each([
    [
      "one value under the name of another",
      (secrets: Record<string, { sealed: string }>) => {
        if (secrets["a"] && secrets["b"]) secrets["a"].sealed = secrets["b"].sealed;
      },
    ],
    [
      "one bit",
      (secrets: Record<string, { sealed: string }>) => {
        const bytes = Buffer.from(secrets["a"]?.sealed ?? "", "base64");
        bytes[15] = (bytes[15] ?? 0) ^ 1;
        if (secrets["a"]) secrets["a"].sealed = bytes.toString("base64");
      },
    ],
    [
      "a value cut short",
      (secrets: Record<string, { sealed: string }>) => {
        if (secrets["a"]) secrets["a"].sealed = "AAAA";
      },
    ],
  ])("tells %s from what was kept", (_what, change) => {
    const place = filled(["a", "b"]);
    edit(place.file, ({ secrets }) => change(secrets));
    expect(() => read(place, "a")).toThrow(/Cannot open the secret a .* it was changed/u);
    expect(read(place, "b")).toBe(`${VALUE} b`);
  });

  test.each([
    ["not JSON"],
    ["[]"],
    ['{"version": 2, "keyId": "", "secrets": {}}'],
    ['{"version":1,"keyId":"x","secrets":{"a":{}}}'],
  ])("%j is no store: it is refused, and not written over", (text) => {
    const place = filled(["a"]);
    writeFileSync(place.file, text);
    expect(() => openSecrets(place)).toThrow(/must be a store that `runlet secrets` wrote/u);
    expect(() => setSecret(place, { name: "b", value: VALUE }, NOON)).toThrow(/must be a store/u);
    expect(readFileSync(place.file, "utf8")).toBe(text);
  });

  test("is not changed while another changes it", () => {
    const place = filled(["a"]);
    writeFileSync(`${place.file}.lock`, "");
    expect(() => removeSecret(place, "a")).toThrow(/one command at a time/u);
    expect(read(place, "a")).toBe(`${VALUE} a`);
  });
});

describe("rotation", () => {
  test("takes other stores under the same key along, and changes nothing where one of them does not open", () => {
    const place = filled(["a"]);
    const other = { ...place, file: `${place.file}.other` };
    setSecret(other, { name: "b", value: `${VALUE} b` }, 0);
    rotateSecrets(place, undefined, [other.file, `${place.file}.missing`]);
    expect([read(place, "a"), read(other, "b")]).toEqual([`${VALUE} a`, `${VALUE} b`]);
    const before = readFileSync(place.file, "utf8");
    writeFileSync(other.file, readFileSync(other.file, "utf8").replace(/"sealed": "..../u, '"sealed": "AAAA'));
    expect(() => rotateSecrets(place, undefined, [other.file])).toThrow(/Cannot open the secret b/u);
    expect([readFileSync(place.file, "utf8"), read(place, "a")]).toEqual([before, `${VALUE} a`]);
  });

  test("keeps every value and date; the old key opens nothing any more", () => {
    const place = filled(["a", "b"]);
    const old = readFileSync(place.keyFile, "utf8");
    const before = openSecrets(place)?.list;
    expect(rotateSecrets(place, undefined)).toEqual({ file: place.file, keyFile: place.keyFile });
    expect([read(place, "a"), read(place, "b")]).toEqual([`${VALUE} a`, `${VALUE} b`]);
    expect(openSecrets(place)?.list).toEqual(before);
    expect(existsSync(`${place.keyFile}.next`)).toBe(false);
    writeFileSync(place.keyFile, old);
    expect(() => openSecrets(place)).toThrow(/must be the one/u);
  });

  test("that died before the key took its place leaves a store that opens, and can be rotated again", () => {
    const place = filled(["a"]);
    const old = readFileSync(place.keyFile, "utf8");
    rotateSecrets(place, undefined);
    renameSync(place.keyFile, `${place.keyFile}.next`);
    writeFileSync(place.keyFile, old);
    expect(read(place, "a")).toBe(`${VALUE} a`);
    rotateSecrets(place, undefined);
    expect(read(place, "a")).toBe(`${VALUE} a`);
    expect(existsSync(`${place.keyFile}.next`)).toBe(false);
  });

  test("that died before the store was written leaves the old key in force", () => {
    const place = filled(["a"]);
    writeFileSync(`${place.keyFile}.next`, newKeyText());
    expect(read(place, "a")).toBe(`${VALUE} a`);
  });

  test("with one value that does not open changes nothing", () => {
    const place = filled(["a", "b"]);
    edit(place.file, ({ secrets }) => {
      if (secrets["b"]) secrets["b"].sealed = "AAAA";
    });
    expect(() => rotateSecrets(place, undefined)).toThrow(/Cannot open the secret b/u);
    expect(read(place, "a")).toBe(`${VALUE} a`);
  });

  test("of what is not there is refused", () => {
    expect(() => rotateSecrets(newPlace(), undefined)).toThrow(/there must be one/u);
  });
});

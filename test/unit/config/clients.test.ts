import { createHash } from "node:crypto";
import type crypto from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { clientKeyHash, createClientKey, findClient } from "../../../src/config/clients.ts";
import type { ClientConfig } from "../../../src/config/config.ts";

const compared = vi.hoisted(() => vi.fn());

vi.mock("node:crypto", async (original) => {
  const real = await original<typeof crypto>();
  compared.mockImplementation(real.timingSafeEqual);
  return { ...real, timingSafeEqual: compared };
});

const client = (id: string, ...keyHashes: string[]): ClientConfig => ({
  keyHashes,
  principal: { id, admin: false, access: {} },
});

test("a key has 256 random bits behind its prefix, and its hash covers the whole text", () => {
  const { key, hash } = createClientKey();
  expect(key).toMatch(/^rk_[\w-]{43}$/u);
  expect(hash).toBe(createHash("sha256").update(key).digest("hex"));
  expect(new Set(Array.from({ length: 100 }, () => createClientKey().key)).size).toBe(100);
});

test("the hash is that of the well-known test vector", () => {
  expect(clientKeyHash("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a client is found by its key wherever it stands", () => {
  const keys = Array.from({ length: 5 }, createClientKey);
  const clients = keys.map(({ hash }, index) => client(`client-${index}`, hash));
  expect(keys.map(({ key }) => findClient(clients, key)?.principal.id)).toEqual(
    clients.map(({ principal }) => principal.id),
  );
});

test("a wrong key, an empty one, a hash and a cut key find nobody", () => {
  const { key, hash } = createClientKey();
  const clients = [client("a", hash)];
  for (const wrong of ["", "rk_", hash, key.slice(0, -1), `${key} `, key.toLowerCase(), createClientKey().key]) {
    expect(findClient(clients, wrong)).toBeUndefined();
  }
  expect(findClient([], key)).toBeUndefined();
});

test("a client whose hash is malformed is never found", () => {
  expect(findClient([client("a", ""), client("b", "zz"), client("c", "abcd")], "anything")).toBeUndefined();
});

describe("the time a key takes", () => {
  const keys = Array.from({ length: 4 }, createClientKey);
  const clients = [
    { ...client("no-key", ""), keyHash: undefined },
    ...keys.map(({ hash }, index) => client(`c${index}`, hash)),
  ];

  test.each([
    ["first", keys[0]?.key ?? ""],
    ["last", keys[3]?.key ?? ""],
    ["nobody's", "rk_nobody"],
    ["empty", ""],
  ])("does not tell whose it is: all are compared in constant time, the %s one's alike", (_, key) => {
    compared.mockClear();
    findClient(clients, key);
    expect(compared.mock.calls.map(([expected]) => Buffer.from(expected as Uint8Array).toString("hex"))).toEqual(
      keys.map(({ hash }) => hash),
    );
    expect(compared.mock.calls.every(([, presented]) => (presented as Uint8Array).length === 32)).toBe(true);
  });
});

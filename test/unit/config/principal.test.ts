import { expect, test } from "vitest";
import type { Principal } from "../../../src/config/principal.ts";
import { mayDecide } from "../../../src/config/principal.ts";

const principal = (more: Partial<Principal>): Principal => ({ id: "ann", access: {}, admin: false, ...more });

test.each([
  [{}, true, false],
  [{ admin: true }, true, true],
  [{ approve: "none" }, false, false],
  [{ approve: "none", admin: true }, false, false],
  [{ approve: "own", admin: true }, true, false],
  [{ approve: "all" }, true, true],
] as const)("whoever is %o decides on its own runs: %s; on others': %s", (more, own, others) => {
  expect([mayDecide(principal(more), "ann"), mayDecide(principal(more), "bob")]).toEqual([own, others]);
});

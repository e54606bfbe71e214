import { Script } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prefixOf, runnableText } from "../../../src/script/body-wrapper.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

async function prepared(text: string) {
  return prepareScript(text, { maxBytes: 1_000_000 });
}

describe("the text of a script", () => {
  const TABLE: readonly (readonly [text: string, code: string])[] = [
    [`save(); 1`, `$track(save(),1); return (1)`],
    [`a?.b(); 1`, `$track(a?.b(),1); return (1)`],
    [`new Job(); 1`, `$track(new Job(),1); return (1)`],
    [`void save(); 1`, `void $track(save(),1); return (1)`],
    [`ok && save(); 1`, `ok && $track(save(),1); return (1)`],
    [`ok ? a() : b(); 1`, `ok ? $track(a(),1) : $track(b(),1); return (1)`],
    [`a(), b; 1`, `$track(a(),1), b; return (1)`],
    [`if (x) 0; else(save)(); 1`, `if (x) 0; else $track((save)(),1); return (1)`],
    [`f()\n;[1].map(g)\n1`, `$track(f(),1)\n;$track([1].map(g),2)\nreturn (1)`],
    [`xs.forEach((x) => save(x)); 1`, `xs.forEach((x) => $track(save(x),1)); return (1)`],
    [
      `xs.forEach(async (x) => { await f(x) }); 1`,
      `xs.forEach(async (x) => {try{ await f(x) }catch($tracke){$track((async () => { throw $tracke })(),1);throw $tracke}}); return (1)`,
    ],
    [
      `xs.forEach(async x=>{f()}); 1`,
      `xs.forEach(async x=>{try{$track(f(),1)}catch($tracke){$track((async () => { throw $tracke })(),1);throw $tracke}}); return (1)`,
    ],
    [`eval("var q = 1"); 1`, `$track(eval("var q = 1"),1); return (1)`],
    [`async function f() {\n  g()\n}`, `async function f() {\n  $track(g(),2)\n};return f()`],
  ];
  it.each(TABLE)("%s hands what it drops to the tracker", async (text, code) => {
    const script = await prepared(text);
    expect(script.tracker).toBe("$track");
    expect(script.code).toBe(code);
  });

  it.each([
    `await save(); 1`,
    `const p = save(); 1`,
    `return save()`,
    `save()`,
    `mcp.a.b(); console.log(f()); 1`,
    `const out = []; for (const x of [1]) out.push(f(x)); out`,
    `const m = new Map(); m.set(1, f()); m`,
    `[1].forEach((x) => { y = x }); 1`,
    `[1].forEach(async (x) => { function f() {} await f() }); 1`,
    `[1].forEach(async (x) => { 'use strict'; await f() }); 1`,
    `[1].forEach(async function* (x) { yield 1 }); 1`,
    `class B extends A { constructor() { super() } }; 1`,
    `with (o) { f() } 1`,
    `"use strict"; a.b; x => y; \`t\`; tag\`x\`; 1`,
    `function* g() { yield f(); delete f().x; typeof f() }; 1`,
    `for (f(); ; g()) break; 1`,
  ])("%s is left as it is", async (text) => {
    const script = await prepared(text);
    expect(script.tracker).toBeUndefined();
    expect(script.code).not.toContain("$track");
  });

  it("is still a script, however what it drops is nested and wherever it begins and ends", async () => {
    const around = fc.constantFrom<(inner: string) => string>(
      (x) => `void ${x}`,
      (x) => `a&&${x}`,
      (x) => `a?${x}:${x}`,
      (x) => `(${x},${x})`,
      (x) => `[1].forEach(x=>${x})`,
      (x) => `[1].forEach(async x=>{${x}})`,
      (x) => `[1].forEach(async function(){${x}})`,
      (x) => `(async()=>{${x}})()`,
      (x) => `(function(){if(a)${x};else(${x})})()`,
      (x) => `new F(${x})`,
      (x) => `f(${x})?.g`,
      (x) => `f?.(${x})`,
      (x) => `(x=>{${x}\n;(${x})})(1)`,
      (x) => `new class{static{${x}}}`,
    );
    const scripts = fc.sample(fc.array(around, { maxLength: 5 }), { numRuns: 400, seed: 3 });
    for (const wrappers of scripts) {
      const text = wrappers.reduce((inner, wrap) => wrap(inner), "f()");
      for (const source of [`${text};1`, text, `{${text}}`, `if(a)${text}\nelse(${text})`]) {
        const script = await prepared(source);
        expect(() => new Script(runnableText(script)), source).not.toThrow();
      }
    }
  });

  it("names the tracker as nothing else in it is named", async () => {
    expect(await prepared(`const $track = 1; f("$track$"); 1`)).toMatchObject({ tracker: "$track$$" });
  });

  it("is a function of the tracker then, and of nothing otherwise", async () => {
    expect(runnableText({ code: "f()", tracker: "$t" })).toBe("($t => (async () => {f()\n}))");
    expect(runnableText({ code: "f()", tracker: undefined })).toBe("(async () => {f()\n})");
    expect([prefixOf("$t"), prefixOf(undefined)]).toEqual(["($t => (async () => {", "(async () => {"]);
  });
});

describe("a script that hands values to the tracker", () => {
  const VALUES: readonly (readonly [text: string, value: unknown])[] = [
    [`let n = 0; const inc = () => ++n; inc(); inc(); n`, 2],
    [`const o = { n: 1, f() { this.n++; return this } }; o.f().f(); o.n`, 3],
    [`let s = ""; const f = (x) => { s += x }; f("a"), f("b"); true && f("c"); s`, "abc"],
    [`eval("var hidden = 5"); hidden`, 5],
    [
      `const out = []; [1, 2].forEach(async (x) => { var y = x; let x2 = y; if (x === 1) return; out.push(x2) /* c */ }); out`,
      [2],
    ],
    [`const out = []; [1].forEach(async function (x) { out.push(this.v, arguments.length) }, { v: 7 }); out`, [7, 3]],
    [`function F() { this.x = 1 } new F; typeof F`, "function"],
    [`let x = 0\nconst f = () => x++\nf()\n;(() => f())()\n;[1].map(f)\nx`, 3],
    [
      `const seen = []; const p = new Proxy({}, { get(t, k) { seen.push(k) }, has() { seen.push("has") }, ownKeys() { seen.push("keys"); return [] } }); (() => p)(); seen`,
      [],
    ],
    [
      `const seen = []; (() => ({ get then() { seen.push("then") }, get constructor() { seen.push("ctor") } }))(); seen`,
      [],
    ],
    [
      `const order = []; Promise.resolve().then(() => order.push(1)); (async () => { await null; order.push(2) })(); await null; await null; await null; order`,
      [1, 2],
    ],
    [`(() => { try { return 1 } finally { (() => 2)() } })()`, 1],
  ];
  it.each(VALUES)("%s has the value it had", async (text, value) => {
    const script = await prepared(text);
    const { result, error, logs } = await run(script);
    expect([result, error, logs]).toEqual([value, undefined, []]);
  });

  const FAILING: readonly (readonly [text: string, line: number, column: number])[] = [
    [`missing()\n;1`, 1, 1],
    [`  missing(); 1`, 1, 3],
    [`const x = null;\n  x.y(); 1`, 2, 5],
    [`const f = () => { null.z };\nf(); 1`, 1, 24],
    [`const f = () => {\n  g();\n};\nf(); 1`, 2, 3],
    [`if (true) 0, missing(); 1`, 1, 14],
    [`[1].forEach((x) => x.y.z()); 1`, 1, 24],
    [`void missing(); 1`, 1, 1],
    [`f(); const f = 1; 1`, 1, 1],
    [`new (class { constructor() {\n throw new Error("x") } })(); 1`, 2, 8],
    [`JSON.parse("{"); 1`, 1, 6],
    [`true && (() => {\n  throw new RangeError("deep") })(); 1`, 2, 9],
    [`enum A { B }\n  missing(A.B); 1`, 2, 3],
    ["text first\n```js\n  missing();\n1\n```", 3, 3],
  ];
  it.each(FAILING)("%s fails at the caller's line and column", async (text, line, column) => {
    const { error } = await run(await prepared(text));
    expect(error).toMatchObject({ code: "SCRIPT_ERROR", line, column });
  });

  it("has no frame of it in its stacks, and sees nothing of it", async () => {
    const text = `const f = () => new Error("x").stack; let s; const g = () => { s = f() }; g(); [s.includes("runlet"), s.includes("track"), s.split("\\n").length, typeof $tracker, Object.getOwnPropertyNames(globalThis).filter((n) => n.includes("track"))]`;
    const { result } = await run(await prepared(text));
    expect(result).toEqual([expect.any(Boolean), false, expect.any(Number), "undefined", []]);
  });
});

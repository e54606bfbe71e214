/** A script that attacks what the runtime itself does, and the value it must end with. */
export interface RuntimeAttack {
  readonly name: string;
  readonly code: string;
  readonly value: unknown;
  /** Lines it may leave in the logs. @default none */
  readonly logs?: readonly RegExp[];
  /** Code of the failure it must end with; `value` is then `undefined`. */
  readonly fails?: string;
  /** Whether it runs with a seeded clock, which starts in 2001. @default false */
  readonly seeded?: boolean;
}

/**
 * Attacks on the tracker of floating promises, on the accessor that tells whether a promise is looked at, on bytes from
 * outside, on what shows values, and on the proxy of tools. `mcp.shop.list` answers with its arguments, `mcp.shop.buy` fails.
 */
export const RUNTIME_ATTACKS: readonly RuntimeAttack[] = [
  {
    name: "the tracker is no global",
    code: `(() => 1)(); return Object.getOwnPropertyNames(globalThis).filter((name) => /track|runlet|host|send/i.test(name))`,
    value: [],
  },
  {
    name: "the tracker, reached by eval, gives back what it is given and no more",
    code: `(() => 1)(); const t = eval("$" + "track"); return [t(5, 1), t.name, Object.keys(t), typeof t.prototype].length && t(7)`,
    value: 7,
    logs: [],
  },
  {
    name: "the tracker, called by the script, forges nothing but a warning of its own",
    code: `(() => 1)(); const t = eval("$" + "track"); t(Promise.reject(new Error("forged")), "9); evil("); await null; return 1`,
    value: 1,
    logs: [/^A promise was rejected and nothing awaited it: Error: forged$/u],
  },
  {
    name: "the tracker runs no trap of a proxy but one, and survives that",
    code: `const seen = []; const trap = (name) => () => { seen.push(name); throw new Error(name) };
      const p = new Proxy(Promise.resolve(), { get: trap("get"), getPrototypeOf: trap("proto"), has: trap("has"), getOwnPropertyDescriptor: trap("gopd"), defineProperty: trap("define"), ownKeys: trap("keys") });
      (() => p)(); return seen`,
    value: ["proto"],
  },
  {
    name: "a proxy that claims to be a promise is no promise",
    code: `(() => new Proxy({}, { getPrototypeOf: () => Promise.prototype }))(); (() => Object.create(Promise.prototype))(); return 1`,
    value: 1,
  },
  {
    name: "a flood of dropped rejections leaves a bounded number of lines",
    code: `for (let i = 0; i < 20000; i++) (async () => { throw new Error("e" + i) })(); return 1`,
    value: 1,
    logs: [...Array.from({ length: 7 }, () => /^A promise was rejected/u), /^More warnings/u],
  },
  {
    name: "the getters of a reason are not run",
    code: `(() => Promise.reject(Object.defineProperty(new Error(), "message", { get() { throw 1 } })))(); return 1`,
    value: 1,
    logs: [/nothing awaited it \(line 1\): Error$/u],
  },
  {
    name: "a huge reason is told by its length",
    code: `(() => Promise.reject("x".repeat(5e6)))(); return 1`,
    value: 1,
    logs: [/line 1\): \[5000000 characters\]$/u],
  },
  {
    name: "code that runs on after the end changes neither the value nor the calls",
    code: `(async () => { for (let i = 0; i < 20; i++) await null; emit("late"); console.log("late"); mcp.shop.list("late"); throw new Error("late") })(); return "value"`,
    value: "value",
    logs: [/line 1\): Error: late$/u],
  },
  {
    name: "an endless loop after the end does not take the value back",
    code: `(async () => { await null; await null; for (;;); })(); return "value"`,
    value: "value",
  },
  {
    name: "hasInstance on Error is not asked for a verdict on true failures",
    code: `Object.defineProperty(Error, Symbol.hasInstance, { value: () => { throw new Error("asked") } }); (() => Promise.reject(1))(); return 1`,
    value: 1,
    logs: [/line 1\): 1$/u],
  },
  {
    name: "the accessor of a call's promise tells nothing but Promise",
    code: `const p = mcp.shop.list(); const d = Object.getOwnPropertyDescriptor(p, "constructor");
      const got = [d.get.call(p) === Promise, d.get.call({}) === Promise, d.get.call(null) === Promise, d.enumerable, typeof d.get.prototype, Object.keys(p).length];
      await p; return got`,
    value: [true, true, true, false, "undefined", 0],
  },
  {
    name: "a promise whose accessor is replaced still settles for who waits",
    code: `const p = mcp.shop.list(1); p.constructor = class Fake { static get [Symbol.species]() { return Promise } }; return await p.then((v) => v)`,
    value: [1],
  },
  {
    name: "a promise without its accessor is still answered",
    code: `const p = mcp.shop.list(2); delete p.constructor; return [await p, p.constructor === Promise]`,
    value: [[2], true],
  },
  {
    name: "a changed Promise does not get at the answers of others",
    code: `const seen = []; const real = Promise; globalThis.Promise = class extends real { constructor(f) { seen.push("made"); super(f) } };
      const v = await mcp.shop.list(3); return [v, seen]`,
    value: [[3], []],
  },
  {
    name: "then on the prototype sees no promise the runtime waits for",
    code: `const then = real => real; let count = 0; const own = Promise.prototype.then; Promise.prototype.then = function (...args) { count++; return own.apply(this, args) };
      const v = await mcp.shop.list(4); return [v, count]`,
    value: [[4], 0],
  },
  {
    name: "a replaced WeakMap does not hide a call that was dropped",
    code: `WeakMap.prototype.get = WeakMap.prototype.has = () => ({ looked: true }); mcp.shop.buy(); await mcp.shop.list().catch(() => 0); return 1`,
    value: 1,
    logs: [/^Tool call mcp\.shop\.buy at line 1 failed/u],
  },
  {
    name: "a script cannot make a failed call look awaited by showing it",
    code: `const p = mcp.shop.buy(); console.log(p); structuredClone; await mcp.shop.list().catch(() => 0); return 1`,
    value: 1,
    logs: [/^Promise \{ <answer of mcp\.shop\.buy/u, /^Tool call mcp\.shop\.buy/u],
  },
  {
    name: "a setter on Object.prototype gets nothing of bytes from outside",
    code: `const got = []; for (const key of ["$bytes", "a", "0"]) Object.defineProperty(Object.prototype, key, { set(v) { got.push(key) }, get() { return undefined }, configurable: true });
      const [v] = await mcp.shop.list({ a: new Uint8Array([1, 2]) }); const own = Object.getOwnPropertyDescriptor(v, "a").value;
      for (const key of ["$bytes", "a", "0"]) delete Object.prototype[key];
      return [own instanceof Uint8Array, got]`,
    value: [true, []],
  },
  {
    name: "a replaced Uint8Array is not given bytes",
    code: `const real = Uint8Array; let made = 0; globalThis.Uint8Array = function () { made++ }; const [v] = await mcp.shop.list(new real([5])); return [v instanceof real, v[0], made]`,
    value: [true, 5, 0],
  },
  {
    name: "bytes nested deeper than any result are left as they are",
    code: `let v = { $bytes: "AQ==" }; for (let i = 0; i < 495; i++) v = [v]; let [w] = await mcp.shop.list(v); for (let i = 0; i < 495; i++) w = w[0]; return w instanceof Uint8Array`,
    value: true,
  },
  {
    name: "a getter behind $bytes does not make bytes",
    code: `return await mcp.shop.list({ get $bytes() { return "AQ==" }, x: 1 })`,
    value: [{ $bytes: "AQ==", x: 1 }],
  },
  {
    name: "a block whose bytes are a proxy of bytes stays a value",
    code: `emit({ type: "image", data: new Proxy(new Uint8Array([1]), {}), mimeType: "image/png" }); return 1`,
    value: 1,
  },
  {
    name: "a detached buffer is written as no bytes",
    code: `const b = new ArrayBuffer(4); b.transfer(); return [b]`,
    value: undefined,
    fails: "SCRIPT_ERROR",
  },
  {
    name: "a table of hostile rows is told so, and costs no more",
    code: `const rows = new Proxy([{ a: 1 }], { ownKeys() { return ["0", "length"] }, get(t, k) { if (k === "0") throw new RangeError("row"); return Reflect.get(t, k) } });
      try { console.table(rows) } catch (e) { return e.message } return "shown"`,
    value: "row",
  },
  {
    name: "a table whose columns lie about their number is bounded",
    code: `console.table([new Proxy({}, { ownKeys: () => Array.from({ length: 5000 }, (_, i) => "k" + i), getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) })]); return 1`,
    value: 1,
    logs: [/^┌/u],
  },
  {
    name: "a shown value runs no getter",
    code: `let ran = 0; const o = { get a() { ran++; return 1 }, [Symbol("s")]: { get b() { ran++ } } }; console.log(o, [o], new Map([[o, o]])); console.dir(o); return ran`,
    value: 0,
    logs: [/Getter/u, /Getter/u],
  },
  {
    name: "class names, tags and stacks that throw do not break a line",
    code: `class A { static get name() { throw 1 } get [Symbol.toStringTag]() { throw 2 } } const e = new Error("x"); Object.defineProperty(e, "stack", { get() { throw 3 } });
      console.log(new A(), e, [new A()]); return 1`,
    value: 1,
    logs: [/Error: x/u],
  },
  {
    name: "a revoked proxy is shown as something",
    code: `const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log("%s %o", proxy, proxy); console.log([proxy]); return 1`,
    value: 1,
    logs: [/value that throws/u, /value that throws/u],
  },
  {
    name: "an endless chain of prototypes ends",
    code: `const p = new Proxy({}, { getPrototypeOf: () => p2 }); const p2 = new Proxy({}, { getPrototypeOf: () => p }); console.log(p); return 1`,
    value: 1,
    logs: [/./u],
  },
  {
    name: "text that names the runtime's own frames is not taken for them",
    code: `const e = new Error("x"); e.stack = "Error: x\\n    at mine (runlet:fake:1:1)\\n    at own (script.js:1:1)"; console.log(e); return 1`,
    value: 1,
    logs: [/^Error: x\n {4}at own \(script\.js:1:1\)$/u],
  },
  {
    name: "functions of the proxy carry no way back to the runtime",
    code: `const f = mcp.shop.list.bind(null, 1); return [typeof f.prototype, f.constructor === Function, Object.getPrototypeOf(f) === Function.prototype, await f(2), mcp.shop.list.call.constructor === Function]`,
    value: ["undefined", true, true, [1, 2], true],
  },
  {
    name: "Function.prototype members that are replaced have no part in call, apply and bind of a tool",
    code: `for (const k of ["call", "apply", "bind"]) Function.prototype[k] = () => { throw new Error(k) }; return [await mcp.shop.list.call(0, 1), await mcp.shop.list.apply(0, [2]), await mcp.shop.list.bind(0, 3)()]`,
    value: [[1], [2], [3]],
  },
  {
    name: "apply with a hostile list throws what the list throws, and makes no call",
    code: `try { mcp.shop.list.apply(null, { get length() { throw new RangeError("mine") } }) } catch (e) { return e.message }`,
    value: "mine",
  },
  {
    name: "apply with an endless list ends",
    code: `try { await mcp.shop.list.apply(null, { length: 2 ** 40 }); return "sent" } catch (e) { return e instanceof RangeError }`,
    value: true,
  },
];

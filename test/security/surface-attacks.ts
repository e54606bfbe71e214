import type { RuntimeAttack } from "./runtime-attacks.ts";

/** Every kind of place where the runtime runs a script's code. `USE` uses each of them once. */
const USE = `console.log("%s", "a", { b: [1] }, new Map([[1, 2]])); console.table([{ a: 1 }]); emit({ c: [1] }); emit({ type: "image", data: "AAAA", mimeType: "image/png" });
  await mcp.shop.list({ d: [1, { e: 2 }] }); await mcp.shop.buy().catch(() => 0); Object.keys(mcp); await new Promise((done) => setTimeout(done, 1, 5)); queueMicrotask(() => 0);
  structuredClone({ a: [new Map([[1, 2]])] }); new URL("http://u:p@h:1/p?q=1#f").searchParams.get("q"); new AbortController().abort(); atob(btoa("x")); new TextDecoder().decode(new TextEncoder().encode("é"));
  crypto.randomUUID(); crypto.getRandomValues(new Uint8Array(1)); new Intl.NumberFormat("en").format(1); new Intl.Segmenter("en").segment("a")[Symbol.iterator](); new Event("x").timeStamp; "é".normalize("NFD");`;

/** What `USE` leaves in the logs. */
const USED = [/^a \{ b: \[ 1 \] \} Map/u, /^┌/u];

/**
 * Attacks on the runtime's surface: builtins that a script replaced, prototypes it polluted, ways to the runtime's functions
 * and objects, ways to code that is not contained, and clocks. As `RUNTIME_ATTACKS`.
 */
export const SURFACE_ATTACKS: readonly RuntimeAttack[] = [
  {
    name: "the runtime iterates no list by a replaced iterator, and hands none of its functions to one",
    code: `let seen = ""; const real = Array.prototype[Symbol.iterator]; new URL("http://h"); Array.prototype[Symbol.iterator] = function () { if (typeof this[0] === "function") seen += this[0]; return Reflect.apply(real, this, []) };
      structuredClone([1]); new AbortController(); atob("aa=="); new TextDecoder(); new Intl.Collator("en"); Array.prototype[Symbol.iterator] = real; return seen`,
    value: "",
  },
  {
    name: "replaced methods of lists are not called",
    code: `let seen = ""; for (const key of Object.getOwnPropertyNames(Array.prototype)) { const real = Array.prototype[key]; if (typeof real === "function" && key !== "constructor") Array.prototype[key] = function () { seen += key + " "; return Reflect.apply(real, this, arguments) } }
      ${USE} return seen`,
    value: "",
    logs: USED,
  },
  {
    name: "enumerating tools asks nothing of the prototypes of lists and objects",
    code: `let seen = ""; Object.defineProperty(Array.prototype, "0", { configurable: true, get() { seen += "list"; return undefined } });
      const names = Object.keys(mcp); delete Array.prototype[0]; Object.prototype.get = 1;
      const keys = [Object.keys(mcp), Object.keys(mcp.shop)]; delete Object.prototype.get; return [seen, names, ...keys]`,
    value: ["", ["shop"], ["shop"], ["list", "buy"]],
  },
  {
    name: "setters of list indices see nothing",
    code: `let seen = ""; for (const key of ["0", "1", "2"]) Object.defineProperty(Array.prototype, key, { configurable: true, get() { return undefined }, set(value) { seen += typeof value } });
      ${USE} for (const key of ["0", "1", "2"]) delete Array.prototype[key]; return seen`,
    value: "",
    logs: USED,
  },
  {
    name: "replaced iterators' next and generators' methods are not called by what shows, writes and clones",
    code: `let seen = ""; const prototypes = [[][Symbol.iterator](), ""[Symbol.iterator](), new Set()[Symbol.iterator]()].map(Object.getPrototypeOf);
      for (const prototype of prototypes) { const real = prototype.next; prototype.next = function () { seen += "next"; return Reflect.apply(real, this, []) } }
      console.log([1], "a", new Set([1]), new Map()); emit(["a", 1]); await mcp.shop.list([1, "ab"]); structuredClone([1]); new URL("http://h/ä?x=1"); new TextEncoder().encode("aä"); Object.keys(mcp.shop); return seen`,
    value: "next".repeat(2),
    logs: [/^\[ 1 \] a Set/u],
  },
  {
    name: "getters on Object.prototype are handed no function of the runtime",
    code: `const keys = ["limits", "send", "ended", "resolve", "reject", "known", "site", "label", "done", "code", "info", "stack", "ok", "json", "id", "looked", "call", "reason", "clock", "depth", "apply", "construct", "callback", "args"];
      let seen = ""; const names = Reflect.ownKeys, { defineProperty, setPrototypeOf, getOwnPropertyDescriptor } = Object, own = (of, key) => setPrototypeOf(getOwnPropertyDescriptor(of, key), null);
      for (let i = 0; i < keys.length; i++) defineProperty(Object.prototype, keys[i], { __proto__: null, configurable: true, set(value) { defineProperty(this, keys[i], { __proto__: null, value, writable: true, enumerable: true, configurable: true }) },
        get() { const all = names(this); for (let j = 0; j < all.length; j++) { const got = own(this, all[j]); if (this !== Object.prototype && typeof got.value === "function" && got.value !== Function) seen += keys[i] + ":" + String(all[j]) + " " } return undefined } });
      ${USE} for (let i = 0; i < keys.length; i++) delete Object.prototype[keys[i]]; return seen`,
    value: "",
    logs: [/^a/u, /^┌/u],
  },
  {
    name: "setters on Object.prototype get nothing of the runtime's records",
    code: `let seen = ""; const keys = ["limits", "send", "resolve", "reject", "known", "value", "get", "set", "code", "id", "callback", "args", "everyMs", "path", "after"]; for (const key of keys) Object.defineProperty(Object.prototype, key, { __proto__: null, configurable: true, get() { return undefined }, set() { seen += key } });
      emit({ c: 1 }); await mcp.shop.list({ d: 1 }); await new Promise((done) => setTimeout(done, 1)); new URL("http://h/?q"); new AbortController(); new Intl.Collator("en"); for (const key of keys) delete Object.prototype[key]; return seen`,
    value: "",
  },
  {
    name: "replaced members of Object, Reflect, Math, Number and JSON have no part in anything",
    code: `const all = [Object, Reflect, Math, Number, JSON, Promise, Symbol, String].map((holder) => [holder, Object.getOwnPropertyNames(holder)]);
      for (const [holder, keys] of all) for (const key of keys) { const { writable } = Object.getOwnPropertyDescriptor(holder, key) ?? {}; if (holder !== Object && writable && typeof holder[key] === "function") holder[key] = () => { throw new Error(key) } }
      for (const key of all[0][1]) if (key !== "prototype" && typeof Object[key] === "function") Object[key] = () => { throw new Error(key) };
      console.log({ b: [1] }); emit({ a: 1 }); const v = await mcp.shop.list({ b: 2 }); await new globalThis.Promise((done) => setTimeout(done, 2.5)); structuredClone({ a: 1 }); new URL("http://h/"); crypto.randomUUID(); new Intl.NumberFormat("en").format(1); new Intl.Segmenter("en").segment("x"); return v`,
    value: [{ b: 2 }],
    logs: [/^\{ b: \[ 1 \] \}$/u],
  },
  {
    name: "replaced regular expressions and text methods have no part in anything",
    code: `RegExp.prototype.exec = () => { throw new Error("exec") }; for (const key of ["replace", "split", "match", "matchAll", "search"]) RegExp.prototype[Symbol[key]] = () => { throw new Error(key) };
      for (const key of Object.getOwnPropertyNames(String.prototype)) if (key !== "constructor" && key !== "normalize" && typeof String.prototype[key] === "function") String.prototype[key] = () => { throw new Error(key) };
      ${USE} return 1`,
    value: 1,
    logs: USED,
  },
  {
    name: "call, apply and bind that were replaced are not used",
    code: `for (const key of ["call", "apply", "bind", "toString"]) Object.defineProperty(Function.prototype, key, { configurable: true, get() { throw new Error(key) } }); ${USE} return 1`,
    value: 1,
    logs: USED,
  },
  {
    name: "replaced maps, sets, weak maps, dates and proxies have no part in anything",
    code: `for (const Class of [Map, Set, WeakMap, Date]) for (const key of Object.getOwnPropertyNames(Class.prototype)) { const got = Object.getOwnPropertyDescriptor(Class.prototype, key); if (key !== "constructor" && typeof got.value === "function") Class.prototype[key] = () => { throw new Error(key) } }
      const { Intl: intl } = globalThis; for (const name of ["Map", "Set", "WeakMap", "Proxy", "Date", "Promise", "Error", "TypeError", "RangeError", "Uint8Array", "String", "Number", "Array", "Symbol"]) globalThis[name] = function () { throw new Error(name) };
      console.log({ a: [1] }); emit([1]); const v = await mcp.shop.list(1); structuredClone({ a: 1 }); crypto.randomUUID(); new intl.Segmenter("en").segment("a"); new URL("http://h/"); try { await mcp.shop.buy() } catch (error) { return [v, error.code] }`,
    value: [[1], "TOOL_FAILED"],
    logs: [/^\{ a: \[ 1 \] \}$/u],
  },
  {
    name: "frames of the runtime tell neither functions nor objects, however deep the stack",
    code: `const seen = new Set(); Error.stackTraceLimit = 40; Error.prepareStackTrace = (_, frames) => { for (const frame of frames) { const name = frame.getScriptNameOrSourceURL() ?? ""; if (name.startsWith("runlet:")) seen.add(typeof frame.getThis() + typeof frame.getFunction()); else if (name !== "" && name !== "script.js") seen.add(name) } return "" };
      const look = () => { new Error().stack; return 1 }; const thing = { toJSON: look, get a() { return look() }, valueOf: look, toString: look, [Symbol.iterator]: look };
      const tries = [() => emit(thing), () => console.log("%d", thing), () => setTimeout(look, thing), () => new URL(thing), () => new URLSearchParams(thing), () => atob(thing), () => new Intl.Segmenter("en").segment(thing), () => new Intl.ListFormat("en").format(thing), () => "a".normalize(thing), () => crypto.getRandomValues(thing), () => structuredClone(thing), () => mcp.shop.list(thing)];
      const each = () => { for (const attempt of tries) try { attempt() } catch (error) { error.stack } }; each();
      const deep = () => { try { deep() } catch { each() } }; deep(); await new Promise((done) => setTimeout(done, 50)); return [...seen]`,
    value: ["undefinedundefined"],
    logs: [/./u, /./u].slice(1),
  },
  {
    name: "stacks name no file of the host",
    code: `const stacks = []; const look = () => stacks.push(new Error("x").stack); emit({ toJSON: look }); setTimeout(look, 1); queueMicrotask(look); await mcp.shop.buy().catch((error) => stacks.push(error.stack));
      const holder = {}; emit({ toJSON() { Error.captureStackTrace(holder) } }); stacks.push(holder.stack); await new Promise((done) => setTimeout(done, 3)); try { null.x } catch (error) { stacks.push(error.stack) }
      return stacks.join("\\n").split("\\n").filter((line) => line.startsWith("    at ") && !/(?:script\\.js|runlet:[a-z]+|<anonymous>)(?::\\d+:\\d+)?\\)?$/.test(line))`,
    value: [],
  },
  {
    name: "code from text sees globals only",
    code: `const names = ["send", "runtime", "host", "calls", "timers", "deliver", "start", "lent", "code", "startJson", "seeded", "process", "require", "module", "exports"]; const makers = [Function, (async () => {}).constructor, (function* () {}).constructor, (async function* () {}).constructor];
      const seen = []; for (const name of names) { for (const Maker of makers) { let made = new Maker("return typeof " + name)(); if (made.next) made = made.next(); made = await made; seen.push(made.value ?? made) } seen.push((0, eval)("typeof " + name)) } return [...new Set(seen)]`,
    value: ["undefined"],
  },
  {
    name: "one-letter names of the bundle are not in the scope of a script",
    code: `const seen = []; for (let i = 65; i < 123; i++) for (const tail of ["", "e", "t", "n", "0"]) { const name = String.fromCharCode(i) + tail; if (!/^[a-z]/i.test(name)) continue; try { if ((0, eval)("typeof " + name) !== "undefined") seen.push(name) } catch {} } return seen`,
    value: [],
  },
  {
    name: "a dynamic import is refused, and its error leads nowhere",
    code: `const load = new Function("name", "return imp" + "ort(name)"); const seen = []; for (const name of ["fs", "node:fs", "./a.js", "file:///etc/passwd", "data:text/javascript,1"]) try { await load(name); seen.push("loaded") } catch (error) { seen.push(error.constructor === Error, error.constructor.constructor === Function) } return [...new Set(seen)]`,
    value: [true],
  },
  {
    name: "a script that is no module has no import.meta",
    code: `try { return (0, eval)("imp" + "ort.meta") } catch (error) { return error.name }`,
    value: "SyntaxError",
  },
  {
    name: "no callback names the runtime as its caller",
    code: `const seen = new Set(); function spy() { seen.add(spy.caller === null); return "1" } const thing = { toJSON: spy, valueOf: spy, toString: spy, [Symbol.toPrimitive]: spy, [Symbol.iterator]: spy };
      for (const attempt of [() => emit(thing), () => new URL(thing, "http://h"), () => atob(thing), () => "a".normalize(thing), () => setTimeout(spy, thing), () => new Intl.Segmenter("en").segment(thing), () => new URLSearchParams("a=1").forEach(spy), () => [1].map(spy)]) try { attempt() } catch {}
      const target = new EventTarget(); target.addEventListener("x", spy); target.dispatchEvent(new Event("x")); queueMicrotask(spy); await mcp.shop.list(thing); await new Promise((done) => setTimeout(done, 5)); return [...seen]`,
    value: [true],
  },
  {
    name: "there is no memory that is shared, grows outside the heap or blocks, and no callback of the collector",
    code: `return ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "gc", "ShadowRealm", "performance", "Temporal"].filter((name) => name in globalThis).concat(["v8BreakIterator"].filter((name) => name in Intl), ["resize", "resizable", "maxByteLength"].filter((name) => name in ArrayBuffer.prototype))`,
    value: [],
  },
  {
    name: "a resizable buffer cannot be had through another new.target, species or transfer",
    code: `const Target = function () {}; Target.prototype = ArrayBuffer.prototype; const buffers = [Reflect.construct(ArrayBuffer, [8, { maxByteLength: 64 }], Target), new (class extends ArrayBuffer {})(8, { maxByteLength: 64 }), new ArrayBuffer(8, { maxByteLength: 64 }).transfer(16), new ArrayBuffer(8, { maxByteLength: 64 }).slice(0, 8), structuredClone(new ArrayBuffer(8))];
      return buffers.map((buffer) => { const view = new Uint8Array(buffer); try { buffer.resize(64) } catch {} return view.length })`,
    value: [8, 8, 16, 8, 8],
  },
  {
    name: "keys that mean something to objects are data, both ways",
    code: `const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"then":1,"toJSON":2,"valueOf":3,"hasOwnProperty":4}'; const [v] = await mcp.shop.list(JSON.parse(text));
      emit(v); return [JSON.stringify(v) === text, Object.getPrototypeOf(v) === Object.prototype, ({}).polluted ?? null, (await mcp.shop.list([v]))[0][0].then]`,
    value: [true, true, null, 1],
  },
  {
    name: "a result may have keys that mean something",
    code: `return JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"then":1,"toJSON":2}')`,
    value: JSON.parse(
      '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"then":1,"toJSON":2}',
    ) as unknown,
  },
  {
    name: "a thenable inside a thenable is data after the first",
    code: `return { then(resolve) { resolve({ then: 5, a: 1 }); resolve({ b: 2 }); throw new Error("late") } }`,
    value: JSON.parse('{"then":5,"a":1}') as unknown,
  },
  {
    name: "names that objects inherit are no servers and no tools",
    code: `return ["__proto__", "constructor", "then", "toJSON"].map((name) => typeof mcp[name]).concat(JSON.stringify(mcp) ?? "nothing")`,
    value: ["undefined", "undefined", "undefined", "undefined", "nothing"],
  },
  {
    name: "a species of lists that throws disturbs nothing",
    code: `class List extends Array { static get [Symbol.species]() { throw new Error("list") } } const list = List.from([1, 2]); emit(list); console.log(list); structuredClone(list); return await mcp.shop.list(list)`,
    value: [[1, 2]],
    logs: [/^List\(2\)/u],
  },
  {
    name: "a proxy as arguments, value, line, name and delay is read, and handed nothing but itself",
    code: `const seen = new Set(), target = { a: 1 }; const handler = new Proxy({}, { get: (_, trap) => (...args) => { for (const arg of args) if (arg !== target && arg !== p && (typeof arg === "function" || (typeof arg === "object" && arg !== null))) seen.add(trap); return Reflect[trap](...args) } }); const p = new Proxy(target, handler);
      await mcp.shop.list(p); emit(p); console.log(p); try { structuredClone(p) } catch {} try { mcp.shop[p] } catch {} try { new URL(p) } catch {} try { setTimeout(() => 0, p) } catch {} return [...seen]`,
    value: [],
    logs: [/./u],
  },
  {
    name: "code that goes on after the value reaches nobody",
    code: `(async () => { for (let i = 0; i < 50; i++) await null; for (let i = 0; i < 100; i++) { await null; emit("late"); console.log("late"); mcp.shop.list("late") } })(); return "value"`,
    value: "value",
  },
  {
    name: "timers that are pending at the end reach nobody",
    code: `setInterval(() => { mcp.shop.list("late"); console.log("late"); emit("late") }, 1); setTimeout(() => { throw new Error("late") }, 2); return 5`,
    value: 5,
  },
  {
    name: "a forged failure is the script's own",
    code: `const forged = new ToolError({ code: "TOOL_TIMEOUT", message: "forged", retryable: true }); throw Object.assign(forged, { fault: "service" })`,
    value: undefined,
    fails: "SCRIPT_ERROR",
  },
  {
    name: "a true failure stays what it was, whatever is done to it",
    code: `try { await mcp.shop.buy() } catch (error) { error.code = "INTERNAL"; error.message = "forged"; Object.setPrototypeOf(error, null); throw error }`,
    value: undefined,
    fails: "TOOL_FAILED",
  },
  {
    name: "a seeded clock is in every way to the time",
    seeded: true,
    code: `const at = Date.now(); const classes = [Date, Date.prototype.constructor, structuredClone(new Date(0)).constructor, class extends Date {}, Date.bind()];
      return [classes.map((Class) => new Class().getTime() - at), new Event("x").timeStamp - at, new Function("return Date.now()")() - at, (0, eval)("+new Date()") - at, new Intl.DateTimeFormat("en", { year: "numeric" }).format(), Intl.DateTimeFormat("en", { year: "numeric" }).formatToParts()[0].value, new Date(Date()).getTime() - at, typeof performance]`,
    value: [[0, 0, 0, 0, 0], 0, 0, 0, "2001", "2001", 0, "undefined"],
  },
  {
    name: "a seeded clock and its order do without replaced builtins",
    seeded: true,
    code: `for (const key of ["get", "set", "delete", "has", "forEach"]) Map.prototype[key] = () => { throw new Error(key) }; Math.floor = () => NaN; Date.prototype.getTime = () => 0; Array.prototype.push = () => { throw new Error("push") };
      const seen = {}; let n = 0; setTimeout(() => { seen.a = ++n }, 3); setTimeout(() => { seen.b = ++n }, 1); await mcp.shop.list(1); await new Promise((done) => setTimeout(done, 9)); return seen`,
    value: { b: 1, a: 2 },
  },
  {
    name: "a seeded script cannot ask to be entered again, nor clear what asks for it",
    seeded: true,
    code: `const seen = []; const calls = [1, 2, 3].map((n) => mcp.shop.list(n).then(([v]) => { seen.push(v); for (const id of [0, "0", -0, null, "", false, []]) { clearTimeout(id); clearInterval(id) } })); await Promise.all(calls); return seen`,
    value: [1, 2, 3],
  },
  {
    name: "weak references of a seeded run tell nothing of the collector",
    seeded: true,
    code: `const refs = Array.from({ length: 20 }, () => new WeakRef(new Array(1e4).fill(0))); for (let i = 0; i < 20; i++) { new Array(1e5).fill(i); await mcp.shop.list() } return [refs.every((ref) => ref.deref() !== undefined), WeakRef.prototype.constructor === WeakRef, new (class extends WeakRef {})({}) instanceof WeakRef]`,
    value: [true, true, true],
  },
];

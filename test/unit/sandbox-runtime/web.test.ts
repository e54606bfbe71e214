import { runInThisContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

/** Runs the same function on each input in one isolate and in Node: what throws is told by its name. */
async function expectLikeNode(inputs: readonly unknown[], body: string): Promise<void> {
  const each = `(x) => { try { return (() => { ${body} })() ?? null } catch (e) { return "throws " + e.name } }`;
  const inNode = runInThisContext(each) as (input: unknown) => unknown;
  const got = (await value(`return input.map(${each})`, { input: inputs })) as unknown[];
  for (const [i, input] of inputs.entries())
    expect(got[i], JSON.stringify(input)).toEqual(JSON.parse(JSON.stringify(inNode(input))));
}

const BYTES = fc.sample(
  fc.array(
    fc.oneof(
      fc.constantFrom(
        0xef,
        0xbb,
        0xbf,
        0xc3,
        0xa9,
        0xe2,
        0x82,
        0xac,
        0xf0,
        0x9f,
        0x98,
        0x80,
        0xed,
        0xa0,
        0xe0,
        0xf4,
        0xd8,
        0xdc,
        0,
      ),
      fc.nat(255),
    ),
    { maxLength: 12 },
  ),
  { numRuns: 1_000, seed: 1 },
);
const TEXTS = fc
  .sample(
    fc.array(fc.constantFrom("a", "é", "€", "😀", " ", "\n", "=", "A", "+", "/", "\u00ff", "\0"), { maxLength: 10 }),
    {
      numRuns: 1_000,
      seed: 2,
    },
  )
  .map((letters) => letters.join(""));

describe("a web global", () => {
  it("is not enumerable, has its own name, and can be replaced before and after it was used", async () => {
    const code = `
      const names = ["AbortController", "AbortSignal", "DOMException", "Event", "EventTarget", "TextDecoder", "TextEncoder", "URL", "URLSearchParams", "atob", "btoa", "structuredClone"];
      const wrong = names.filter((name) => globalThis[name].name !== name || Object.keys(globalThis).includes(name) || globalThis[name] !== globalThis[name]);
      globalThis.URL = 1; TextEncoder = 2;
      return [wrong, URL, TextEncoder]`;
    expect(await value(code)).toEqual([[], 1, 2]);
    expect(
      await value(
        `btoa = () => "mine"; var atob = 3; return [btoa("x"), atob, Object.getOwnPropertyDescriptor(globalThis, "btoa").writable]`,
      ),
    ).toEqual(["mine", 3, true]);
  });

  it("tells its class to those who ask", async () => {
    const code = `return [new URL("a:"), new URLSearchParams(), new TextEncoder(), new AbortController().signal, new Event("x"), new DOMException()].map((o) => Object.prototype.toString.call(o))`;
    expect(await value(code)).toEqual(
      ["URL", "URLSearchParams", "TextEncoder", "AbortSignal", "Event", "DOMException"].map(
        (name) => `[object ${name}]`,
      ),
    );
  });

  it("works though a script changed the language before it first touched it", async () => {
    const code = `
      const boom = () => { throw new Error("patched") }, kept = { constructor: 1, length: 1, size: 1, source: 1, flags: 1, buffer: 1, byteLength: 1, byteOffset: 1 };
      for (const C of [Array, String, Map, Set, WeakMap, RegExp, Uint8Array, Object.getPrototypeOf(Uint8Array)])
        for (const key of Object.getOwnPropertyNames(C.prototype))
          if (!(key in kept)) try { Object.defineProperty(C.prototype, key, { value: boom }) } catch {}
      const keys = Object.keys, define = Object.defineProperty;
      Object.prototype.get = boom;
      Object.keys = Object.defineProperty = Reflect.apply = Reflect.construct = Reflect.defineProperty = JSON.stringify = encodeURIComponent = decodeURIComponent = escape = unescape = boom;
      String.fromCharCode = String.fromCodePoint = boom; Symbol = Math = Number = undefined;
      const url = new URL("../é?q=ü#h", "https://user@EXAMPLE.com:8080/a/b/c");
      url.searchParams.append("x y", "1");
      const controller = new AbortController(); let aborted = 0; controller.signal.addEventListener("abort", () => aborted++); controller.abort();
      return { href: url.href, idn: new URL("http://bücher.de/").host, b64: btoa("hi") + atob("aGk="), text: new TextDecoder().decode(new TextEncoder().encode("é€")),
        clone: structuredClone({ a: new Date(5) }).a instanceof Date, aborted }`;
    expect(await value(code)).toEqual({
      href: "https://user@example.com:8080/a/%C3%A9?q=%C3%BC&x+y=1#h",
      idn: "xn--bcher-kva.de",
      b64: "aGk=hi",
      text: "é€",
      clone: true,
      aborted: 1,
    });
  });
});

describe("TextEncoder", () => {
  it("encodes as Node does", async () => {
    await expectLikeNode(
      TEXTS,
      `return [[...new TextEncoder().encode(x)], new TextEncoder().encodeInto(x, new Uint8Array(5))]`,
    );
  });

  it("writes half a pair as U+FFFD, and only whole characters into a view", async () => {
    const code = `
      const view = new Uint8Array(4);
      return [[...new TextEncoder().encode("\\ud800a\\udc00")], new TextEncoder().encodeInto("a€é", view), [...view], new TextEncoder().encode().length, new TextEncoder().encoding]`;
    expect(await value(code)).toEqual([
      [239, 191, 189, 97, 239, 191, 189],
      { read: 2, written: 4 },
      [97, 226, 130, 172],
      0,
      "utf-8",
    ]);
  });

  it("refuses to write into what holds no bytes", async () => {
    expect((await run(`new TextEncoder().encodeInto("a", new Uint16Array(1))`)).error?.message).toContain(
      "must be a Uint8Array",
    );
  });
});

describe("TextDecoder", () => {
  it.each([
    ["utf-8", `return new TextDecoder().decode(new Uint8Array(x))`],
    ["utf-8, fatal", `return new TextDecoder(" UTF8\\n", { fatal: true }).decode(new Uint8Array(x))`],
    ["utf-8 with its mark", `return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(x).buffer)`],
    ["utf-16le", `return new TextDecoder("utf-16le").decode(new Uint8Array(x))`],
    [
      "utf-16le, fatal",
      `return new TextDecoder("utf-16", { fatal: true }).decode(new DataView(new Uint8Array(x).buffer))`,
    ],
    [
      "a utf-8 stream",
      `const d = new TextDecoder(); let t = ""; for (let i = 0; i < x.length; i += 2) t += d.decode(new Uint8Array(x.slice(i, i + 2)), { stream: true }); return t + d.decode()`,
    ],
    [
      "a utf-16le stream",
      `const d = new TextDecoder("utf-16le"); let t = ""; for (let i = 0; i < x.length; i += 3) t += d.decode(new Uint8Array(x.slice(i, i + 3)), { stream: true }); return t + d.decode()`,
    ],
  ])("decodes %s as Node does", async (_, body) => {
    await expectLikeNode(BYTES, body);
  });

  it("keeps characters whole across the pieces it works in", async () => {
    const code = `
      for (const [letter, size] of [["é", 8191], ["€", 8190], ["😀", 8189], ["€", 8191], ["😀", 16383]]) {
        const text = "x".repeat(size) + letter.repeat(3000);
        if (new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode(text)) !== text) return letter + size;
      }
      return "whole"`;
    expect(await value(code)).toBe("whole");
  });

  it("does not hold on to bytes that the caller changes later", async () => {
    const code = `const d = new TextDecoder(), b = new Uint8Array([0xe2, 0x82]); d.decode(b, { stream: true }); b.fill(0); return d.decode(new Uint8Array([0xac]))`;
    expect(await value(code)).toBe("€");
  });

  it("can be used again after it refused", async () => {
    const code = `const d = new TextDecoder("utf-8", { fatal: true }); try { d.decode(new Uint8Array([255])) } catch {} return d.decode(new Uint8Array([65]))`;
    expect(await value(code)).toBe("A");
  });

  it("tells its settings, and names what it cannot do", async () => {
    expect(
      await value(`const d = new TextDecoder("unicode", { fatal: 1 }); return [d.encoding, d.fatal, d.ignoreBOM]`),
    ).toEqual(["utf-16le", true, false]);
    expect((await run(`new TextDecoder("latin9")`)).error?.message).toBe(
      'RangeError: Cannot decode "latin9": the encodings here are utf-8 and utf-16le',
    );
    expect((await run(`new TextDecoder().decode("text")`)).error?.message).toMatch(
      /^TypeError: Cannot decode the argument/u,
    );
  });
});

describe("base 64", () => {
  it("is written as Node writes it", async () => {
    await expectLikeNode(TEXTS, `return btoa(x)`);
  });

  it("is read as Node reads it", async () => {
    const texts = fc.sample(fc.array(fc.constantFrom(...Array.from("ABab01+/= \n\t-_é")), { maxLength: 9 }), {
      numRuns: 2_000,
      seed: 3,
    });
    await expectLikeNode(
      texts.map((letters) => letters.join("")),
      `return atob(x)`,
    );
  });

  it("that is wrong is an InvalidCharacterError", async () => {
    const code = `return [() => btoa("€"), () => atob("a"), () => atob("a-b=")].map((f) => { try { f() } catch (e) { return [e.name, e.code, e instanceof DOMException] } })`;
    expect(await value(code)).toEqual(Array.from({ length: 3 }, () => ["InvalidCharacterError", 5, true]));
  });

  it("of a megabyte goes there and back", async () => {
    const { result, error } = await run(
      `const text = "0123456789abcdef".repeat(65536); return atob(btoa(text)) === text`,
    );
    expect([result, error]).toEqual([true, undefined]);
  });
});

describe("DOMException", () => {
  it("is an error with a name, a code and a stack", async () => {
    const code = `
      const e = new DOMException("gone", "AbortError");
      return [e instanceof Error, e.name, e.message, e.code, e.stack.split("\\n")[0], /script\\.js:2/.test(e.stack), String(e), new DOMException().name, new DOMException("x", "Mine").code]`;
    expect(await value(code)).toEqual([
      true,
      "AbortError",
      "gone",
      20,
      "AbortError: gone",
      true,
      "AbortError: gone",
      "Error",
      0,
    ]);
  });

  it("has the code of its name", async () => {
    const names = [
      "IndexSizeError",
      "HierarchyRequestError",
      "InvalidCharacterError",
      "NotFoundError",
      "NotSupportedError",
      "SyntaxError",
      "InvalidAccessError",
      "TypeMismatchError",
      "NetworkError",
      "QuotaExceededError",
      "TimeoutError",
      "DataCloneError",
      "",
      "A B",
    ];
    await expectLikeNode(names, `return new DOMException("", x).code`);
  });
});

describe("an abort", () => {
  it("happens once, with its reason, and tells each listener", async () => {
    const code = `
      const { signal, ...rest } = { get signal() { return this.controller.signal }, controller: new AbortController() };
      const seen = [];
      signal.onabort = function (event) { seen.push(["on", event.type, this === signal]) };
      signal.addEventListener("abort", (event) => seen.push(["listener", event.target === signal, event.currentTarget === signal]));
      signal.addEventListener("abort", { handleEvent(event) { seen.push(["object", event instanceof Event]) } });
      const gone = () => seen.push("gone"); signal.addEventListener("abort", gone); signal.removeEventListener("abort", gone);
      const twice = () => seen.push("once"); signal.addEventListener("abort", twice); signal.addEventListener("abort", twice);
      const before = signal.aborted;
      rest.controller.abort("why"); rest.controller.abort("again");
      return [before, signal.aborted, signal.reason, seen]`;
    expect(await value(code)).toEqual([
      false,
      true,
      "why",
      [["on", "abort", true], ["listener", true, true], ["object", true], "once"],
    ]);
  });

  it("without a reason has an AbortError", async () => {
    const code = `
      const c = new AbortController(); c.signal.throwIfAborted(); c.abort();
      const thrown = (() => { try { c.signal.throwIfAborted() } catch (e) { return e } })();
      return [thrown === c.signal.reason, thrown.name, thrown instanceof DOMException, AbortSignal.abort().reason.name, AbortSignal.abort(0).reason]`;
    expect(await value(code)).toEqual([true, "AbortError", true, "AbortError", 0]);
  });

  it("of one signal aborts those made of it, all before any listener runs", async () => {
    const code = `
      const a = new AbortController(), b = new AbortController();
      const any = AbortSignal.any([a.signal, b.signal]), nested = AbortSignal.any([any]);
      const seen = []; a.signal.addEventListener("abort", () => seen.push(any.aborted, nested.aborted)); nested.addEventListener("abort", () => seen.push("nested"));
      b.signal.aborted; a.abort("first"); b.abort("second");
      return [any.reason, nested.reason, seen, AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason, AbortSignal.any([]).aborted]`;
    expect(await value(code)).toEqual(["first", "first", [true, true, "nested"], 1, false]);
  });

  it("comes after a timeout, as a TimeoutError", async () => {
    const code = `
      const signal = AbortSignal.timeout(5);
      await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
      return [signal.aborted, signal.reason.name, [-1, NaN, 2 ** 32].map((ms) => { try { AbortSignal.timeout(ms) } catch (e) { return e.name } })]`;
    expect(await value(code)).toEqual([true, "TimeoutError", ["TypeError", "TypeError", "TypeError"]]);
  });

  it("goes on when a listener throws, and the log tells of it", async () => {
    const { result, logs } = await run(`
      const c = new AbortController(); let later = false;
      c.signal.addEventListener("abort", () => { throw new Error("from a listener") });
      c.signal.addEventListener("abort", () => { later = true });
      c.abort(); await new Promise((done) => setTimeout(done, 5)); return later`);
    expect(result).toBe(true);
    expect(logs.join()).toContain("from a listener");
  });

  it("cannot be made without a controller", async () => {
    expect((await run(`new AbortSignal()`)).error?.message).toContain("Cannot make an AbortSignal");
    expect((await run(`AbortSignal.any([1])`)).error?.message).toContain("each item must be an AbortSignal");
  });
});

describe("an event target", () => {
  it("calls listeners once, in order, while they are there", async () => {
    const code = `
      const target = new EventTarget(), seen = [];
      target.addEventListener("x", () => { seen.push(1); target.addEventListener("x", () => seen.push("added")) }, { once: true });
      const last = () => seen.push(3);
      target.addEventListener("x", () => { seen.push(2); target.removeEventListener("x", last) });
      target.addEventListener("x", last);
      target.dispatchEvent(new Event("x")); target.dispatchEvent(new Event("x")); target.dispatchEvent(new Event("y"));
      return seen`;
    expect(await value(code)).toEqual([1, 2, 2, "added"]);
  });

  it("stops when told, and tells whether the default was prevented", async () => {
    const code = `
      const target = new EventTarget(), seen = [];
      target.addEventListener("x", (e) => { seen.push(1); e.preventDefault(); e.stopImmediatePropagation() });
      target.addEventListener("x", () => seen.push(2));
      const event = new Event("x", { cancelable: true });
      return [target.dispatchEvent(event), event.defaultPrevented, target.dispatchEvent(new Event("x")), seen]`;
    expect(await value(code)).toEqual([false, true, true, [1, 1]]);
  });

  it("forgets listeners whose signal aborts", async () => {
    const code = `
      const target = new EventTarget(), c = new AbortController(); let calls = 0;
      target.addEventListener("x", () => calls++, { signal: c.signal }); target.addEventListener("x", () => calls++, { signal: AbortSignal.abort() });
      target.dispatchEvent(new Event("x")); c.abort(); target.dispatchEvent(new Event("x"));
      return calls`;
    expect(await value(code)).toBe(1);
  });

  it("is for subclasses, too, and takes events only", async () => {
    expect(
      await value(
        `class Bus extends EventTarget { emit(type) { return this.dispatchEvent(new Event(type)) } } let n = 0; const bus = new Bus(); bus.addEventListener("a", () => n++); bus.emit("a"); return n`,
      ),
    ).toBe(1);
    expect((await run(`new EventTarget().dispatchEvent({ type: "x" })`)).error?.message).toContain("must be an Event");
  });
});

import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("Intl", () => {
  it("works as the language has it", async () => {
    const code = `
      const format = new Intl.NumberFormat("en"), collator = new (class Own extends Intl.Collator {})("de"), legacy = Intl.NumberFormat.call(Object.create(Intl.NumberFormat.prototype), "de");
      return [format instanceof Intl.NumberFormat, format.constructor === Intl.NumberFormat, Intl.NumberFormat.length, Intl.NumberFormat.name, collator.constructor.name, collator.compare("ä", "z"),
        Intl.DateTimeFormat("en").format(0), legacy.format(1.5), legacy instanceof Intl.NumberFormat, String(Intl), String(format), Reflect.ownKeys(format), Intl.NumberFormat.supportedLocalesOf(["de"]),
        String(new Intl.Locale("en").maximize()), String(new Intl.Locale("en-Latn-US").minimize()), new Intl.DateTimeFormat("en").formatRange(0, 1e12), new Intl.NumberFormat("en").formatRangeToParts(1, 2).length,
        [...new Intl.Segmenter("en", { granularity: "word" }).segment("a b")].map(({ segment }) => segment), new Intl.Segmenter("en").segment().containing(0).segment, new Intl.Segmenter("en").segment({ toString: () => "own" }).containing(1).input,
        new Intl.ListFormat("en").format(["a", "b"]), new Intl.ListFormat("en").format(new Set("ab")), new Intl.ListFormat("en").format(), new Intl.ListFormat("en").formatToParts(["a", "b"]).length,
        Intl.Segmenter.prototype.segment.length, Intl.Segmenter.prototype.segment.name, Object.keys(Intl)]`;
    expect(await value(code)).toEqual([
      true,
      true,
      0,
      "NumberFormat",
      "Own",
      -1,
      "1/1/1970",
      "1,5",
      true,
      "[object Intl]",
      "[object Intl.NumberFormat]",
      [],
      ["de"],
      "en-Latn-US",
      "en",
      "1/1/1970\u2009–\u20099/9/2001",
      3,
      ["a", " ", "b"],
      "u",
      "own",
      "a and b",
      "a and b",
      "",
      3,
      1,
      "segment",
      [],
    ]);
  });

  it("refuses what the language refuses, in its order", async () => {
    const code = `
      const seen = [], thing = { toString() { seen.push("read"); return "x" } };
      for (const wrong of [() => Intl.Segmenter("en"), () => Intl.Segmenter.prototype.segment.call({}, thing), () => new Intl.Segmenter("en").segment(Symbol()), () => new Intl.ListFormat("en").format([1]), () => new Intl.Collator("not a locale"), () => Intl.DateTimeFormat.prototype.formatRange.call({}, 0, 1), () => Intl.Locale.prototype.maximize.call({})])
        try { wrong(); seen.push("taken") } catch (error) { seen.push(error.name) }
      return seen`;
    const told = ["TypeError", "TypeError", "TypeError", "TypeError", "RangeError", "TypeError", "TypeError"];
    expect(await value(code)).toEqual(told);
  });

  it("shows nothing of what its objects weigh, frozen ones too", async () => {
    const code = `
      const segmenter = Object.freeze(new Intl.Segmenter("en")), segments = Object.freeze(segmenter.segment("x"));
      return [Reflect.ownKeys(segmenter), Reflect.ownKeys(segments), [...segments].length, JSON.stringify(segments)]`;
    expect(await value(code)).toEqual([[], [], 1, "{}"]);
  });

  it("is the same to a script that changed builtins before it first read it", async () => {
    const code = `
      Object.prototype.extra = 1; Array.prototype[Symbol.iterator] = () => { throw new Error("iterated") }; Object.keys = Reflect.ownKeys = Reflect.construct = () => { throw new Error("called") };
      Object.prototype.get = Object.prototype.apply = Object.prototype.construct = () => { throw new Error("trapped") };
      const text = new Intl.NumberFormat("en").format(1) + new Intl.Segmenter("en").segment("ab").containing(1).segment;
      delete Object.prototype.extra; delete Object.prototype.get; delete Object.prototype.apply; delete Object.prototype.construct;
      return [text, Intl.Collator.prototype.constructor === Intl.Collator]`;
    expect(await value(code)).toEqual(["1b", true]);
  });

  it("lets formatters be made in loops, and a thousand be kept", async () => {
    const code = `
      let length = 0; const kept = [];
      for (let i = 0; i < 3000; i++) length += new Intl.DateTimeFormat("en").format(0).length + new Intl.NumberFormat("de").format(i).length;
      for (let i = 0; i < 1000; i++) kept.push(new Intl.DateTimeFormat("en"), new Intl.NumberFormat("en"));
      return [length > 0, kept.length, [...new Intl.Segmenter("en", { granularity: "word" }).segment("word ".repeat(50000))].length]`;
    expect(await value(code, { limits: { cpuMs: 20_000, wallMs: 30_000 } })).toEqual([true, 2_000, 100_000]);
  });

  it.each([
    ["formatters of dates", `new Intl.DateTimeFormat("en")`],
    ["their bound functions", `new Intl.DateTimeFormat("en").format`],
    ["formatters of ranges", `(() => { const f = new Intl.DateTimeFormat("en"); f.formatRange(0, 1e12); return f })()`],
    ["formatters made without new", `Intl.NumberFormat("en")`],
    ["formatters hidden in other objects", `Intl.DateTimeFormat.call(Object.create(Intl.DateTimeFormat.prototype))`],
    ["formatters of times that have passed", `new Intl.RelativeTimeFormat("en")`],
    ["formatters of a class of the script", `new (class extends Intl.DateTimeFormat {})()`],
    ["segmenters", `new Intl.Segmenter("en")`],
    ["segments", `segmenter.segment("a" + hoard.length)`],
    ["iterators", `segmenter.segment("a")[Symbol.iterator]()`],
    ["segments of long texts", `segmenter.segment("long".repeat(5000) + hoard.length)`],
    ["locales", `new Intl.Locale("en").maximize()`],
  ])("counts to the memory of the run: a hoard of %s ends that run alone", async (_, make) => {
    const { error } = await run(
      `const segmenter = new Intl.Segmenter("en"), hoard = []; for (;;) hoard.push(${make})`,
      { limits: { memoryMiB: 16, cpuMs: 20_000, wallMs: 30_000 } },
    );
    expect(error?.code).toBe("SCRIPT_MEMORY_LIMIT");
    expect(await value("return 1")).toBe(1);
  });

  it("formats no list of more than 100,000 items", async () => {
    const code = `
      const list = new Intl.ListFormat("en"), most = list.format(Array(100000).fill("x")).length, errors = [];
      for (const format of [() => list.format(Array(100001).fill("x")), () => list.formatToParts((function* () { for (;;) yield "x" })())]) try { format() } catch (error) { errors.push(error.name + ": " + error.message) }
      return [most > 100000, ...errors]`;
    const told = "RangeError: Cannot format the list as it may have 100000 items: it has more";
    expect(await value(code)).toEqual([true, told, told]);
  });
});

describe("normalize", () => {
  it("works as the language has it on texts of up to two million characters", async () => {
    const code = `
      const seen = ["Å".normalize("NFD").length, "ﬁ".normalize("NFKC"), "a".normalize(), String.prototype.normalize.call(12), String.prototype.normalize.length, "é".repeat(1e6).normalize("NFD").length];
      for (const wrong of [() => "a".normalize("x"), () => String.prototype.normalize.call(null), () => String.prototype.normalize.call(Symbol())]) try { wrong() } catch (error) { seen.push(error.name) }
      return seen`;
    expect(await value(code)).toEqual([2, "fi", "a", "12", 0, 2_000_000, "RangeError", "TypeError", "TypeError"]);
  });

  it("takes no longer text: its work is outside the heap", async () => {
    const { error } = await run(`return "\\ufdfa".repeat(2097153).normalize("NFKD").length`);
    expect(error).toMatchObject({
      code: "SCRIPT_ERROR",
      message: "RangeError: Cannot normalize the text as it may have 2097152 characters: it has 2097153",
    });
  });
});

/** One sample of a family. */
export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric as its text says. */
export interface PrometheusFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: PrometheusSample[];
}

const SAMPLE =
  /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/u;
const LABEL = /(?<key>[a-zA-Z_]\w*)="(?<value>(?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/uy;
const UNESCAPED = new Map([
  ["\\\\", "\\"],
  ["\\n", "\n"],
  ['\\"', '"'],
]);

/**
 * Reads Prometheus text and takes nothing that is not exactly of the format: help and type before the samples, one family a
 * name, each series once, histograms whole and growing.
 *
 * @source Prometheus exposition formats, text-based format 0.0.4.
 * @throws Error with the line that is wrong.
 */
export function parsePrometheus(text: string): Map<string, PrometheusFamily> {
  const families = new Map<string, PrometheusFamily>();
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  const lines = text.split("\n").slice(0, -1);
  for (let at = 0; at < lines.length;) {
    const [, name = "", help = ""] = /^# HELP (\S+) (.+)$/u.exec(lines[at] ?? "") ?? fail(lines[at]);
    const [, typed, type = ""] =
      /^# TYPE (\S+) (counter|gauge|histogram)$/u.exec(lines[at + 1] ?? "") ?? fail(lines[at + 1]);
    if (typed !== name || families.has(name)) fail(lines[at + 1]);
    const samples: PrometheusSample[] = [];
    for (at += 2; at < lines.length && !lines[at]?.startsWith("#"); at++)
      samples.push(parseSample(lines[at] ?? "", name, type));
    const family = { name, type, help, samples };
    checkFamily(family);
    families.set(name, family);
  }
  return families;
}

function parseSample(line: string, family: string, type: string): PrometheusSample {
  const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? fail(line);
  const allowed = type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => family + end) : [family];
  if (!allowed.includes(name)) fail(line);
  const found: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const { key = "", value: escaped = "" } = LABEL.exec(labels)?.groups ?? fail(line);
    if (Object.hasOwn(found, key)) fail(line);
    found[key] = escaped.replaceAll(/\\[\\n"]/gu, (pair) => UNESCAPED.get(pair) ?? pair);
  }
  return { name, labels: found, value: Number(value.replace("Inf", "Infinity")) };
}

function checkFamily({ name, type, samples }: PrometheusFamily): void {
  const keys = samples.map(
    (sample) => sample.name + JSON.stringify(Object.entries(sample.labels).toSorted(([a], [b]) => a.localeCompare(b))),
  );
  if (samples.length === 0 || new Set(keys).size !== keys.length) fail(name);
  if (type !== "histogram") return;
  const series = Map.groupBy(samples, ({ labels }) => JSON.stringify({ ...labels, le: "" }));
  for (const points of series.values()) {
    const buckets = points.filter((point) => point.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("Inf", "Infinity")));
    const counts = buckets.map(({ value }) => value);
    const total = points.find((point) => point.name === `${name}_count`)?.value;
    const grows = (values: readonly number[]): boolean =>
      values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0));
    if (!grows(bounds) || !grows(counts) || bounds.at(-1) !== Infinity || counts.at(-1) !== total) fail(name);
    if (points.length !== buckets.length + 2) fail(name);
  }
}

function fail(line: string | undefined): never {
  throw new Error(`not of the format: ${JSON.stringify(line)}`);
}

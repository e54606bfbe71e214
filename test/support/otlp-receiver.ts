import { createServer } from "node:http";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it was received. */
export interface ReceivedSpan {
  readonly name: string;
  /** As the protocol numbers them: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly startMs: number;
  readonly endMs: number;
  /** 2: an error. */
  readonly status: number;
}

/** A series of a metric as it was received. */
export interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly kind: "sum" | "gauge" | "histogram";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

/** A receiver of OpenTelemetry's protocol, HTTP with JSON. */
export interface OtlpReceiver {
  readonly url: string;
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** Decides about the next answers. @default 200 */
  answer: (response: ServerResponse) => void;
  /** Everything received so far. */
  spans(): ReceivedSpan[];
  /** What came last of each metric. */
  points(): ReceivedPoint[];
  /** Attributes of who pushes, of each push. */
  resources(): Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

/** An attribute on the wire. */
interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

interface Resource {
  readonly resource: { readonly attributes: readonly Pair[] };
}

interface WireSpan extends Omit<ReceivedSpan, "attributes" | "status" | "parentSpanId"> {
  readonly parentSpanId?: string;
  readonly attributes?: readonly Pair[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
}

interface TraceBody {
  readonly resourceSpans: readonly (Resource & {
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  })[];
}

interface WirePoint {
  readonly attributes?: readonly Pair[];
  readonly asDouble?: number;
  readonly sum?: number;
  readonly explicitBounds?: readonly number[];
  readonly bucketCounts?: readonly (number | string)[];
}

type WireMetric = { readonly name: string; readonly unit: string } & Partial<
  Record<ReceivedPoint["kind"], { readonly dataPoints: readonly WirePoint[] }>
>;

interface MetricsBody {
  readonly resourceMetrics: readonly (Resource & {
    readonly scopeMetrics: readonly { readonly metrics: readonly WireMetric[] }[];
  })[];
}

/** Starts a receiver on a free port of the loopback. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: OtlpReceiver["requests"] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => void (body += part));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", headers: request.headers, body });
      receiver.answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bodies = (path: string): unknown[] =>
    requests.filter((request) => request.path === path).map(({ body }) => JSON.parse(body));
  const traces = (): TraceBody[] => bodies("/v1/traces") as TraceBody[];
  const metrics = (): MetricsBody[] => bodies("/v1/metrics") as MetricsBody[];
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (response) => void response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    spans: () => traces().flatMap(spansOf),
    points: () => metrics().slice(-1).flatMap(pointsOf),
    resources: () => [
      ...traces().flatMap((body) => body.resourceSpans.map(resourceOf)),
      ...metrics().flatMap((body) => body.resourceMetrics.map(resourceOf)),
    ],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

function spansOf({ resourceSpans }: TraceBody): ReceivedSpan[] {
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return spans.map(({ name, kind, traceId, spanId, parentSpanId = "", attributes, status, ...times }) => ({
    name,
    kind,
    traceId,
    spanId,
    parentSpanId,
    attributes: attributesOf(attributes),
    startMs: Number(times.startTimeUnixNano) / 1e6,
    endMs: Number(times.endTimeUnixNano) / 1e6,
    status: status?.code ?? 0,
  }));
}

function pointsOf({ resourceMetrics }: MetricsBody): ReceivedPoint[] {
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return metrics.flatMap(({ name, unit, ...data }) => {
    const kind = (["sum", "gauge", "histogram"] as const).find((each) => data[each] !== undefined) ?? "sum";
    return (data[kind]?.dataPoints ?? []).map((point) => ({
      name,
      unit,
      kind,
      attributes: attributesOf(point.attributes),
      value: point.asDouble ?? point.sum ?? Number.NaN,
      bounds: point.explicitBounds ?? [],
      counts: (point.bucketCounts ?? []).map(Number),
    }));
  });
}

function resourceOf({ resource }: Resource): Record<string, unknown> {
  return attributesOf(resource.attributes);
}

function attributesOf(pairs: readonly Pair[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}

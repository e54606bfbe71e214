const KIB = 1024;
const MIB = 1024 * KIB;

interface LimitSpec {
  readonly doc: string;
  readonly min: number;
  /** What a run gets that does not ask. */
  readonly default: number;
  /** What a run may ask for at most, unless the operator's configuration says otherwise. */
  readonly ceiling: number;
  /** What an operator may set at most. @default any number */
  readonly most?: number;
}

/** The largest result that the pipe from an executor process carries, in bytes. */
export const MAX_RESULT_BYTES = 64 * MIB;

/** Every limit of one run: a request may set each up to the operator's ceiling. */
export const LIMITS = {
  wallMs: {
    doc: "Wall time in ms, tool waits included, waits for a person's answer not; it begins anew for a run that is run again as its process died.",
    min: 10,
    default: 30_000,
    ceiling: 600_000,
  },
  cpuMs: { doc: "Computing time in ms.", min: 10, default: 5_000, ceiling: 60_000 },
  memoryMiB: { doc: "JavaScript heap in MiB.", min: 16, default: 64, ceiling: 256 },
  sourceBytes: { doc: "Script source in UTF-8 bytes.", min: 1, default: 256 * KIB, ceiling: MIB },
  syntaxNodes: { doc: "Nodes of the script's syntax tree.", min: 16, default: 100_000, ceiling: 400_000 },
  toolCalls: { doc: "Tool calls in total.", min: 0, default: 200, ceiling: 10_000 },
  concurrency: { doc: "Tool calls in flight.", min: 1, default: 64, ceiling: 256 },
  argumentBytes: { doc: "Arguments of one call, JSON bytes.", min: 2, default: MIB, ceiling: 4 * MIB },
  argumentTotalBytes: { doc: "Arguments of all calls, JSON bytes.", min: 2, default: 4 * MIB, ceiling: 64 * MIB },
  toolResultBytes: { doc: "Answer of one tool call, JSON bytes.", min: 2, default: 4 * MIB, ceiling: 16 * MIB },
  resultBytes: {
    doc: "Result of the run, JSON bytes; a larger one fails the run.",
    min: 2,
    default: 32 * MIB,
    ceiling: 64 * MIB,
    most: MAX_RESULT_BYTES,
  },
  replyBytes: {
    doc: "Part of the result that an answer carries, JSON bytes; the rest is cut there and kept whole.",
    min: 256,
    default: MIB,
    ceiling: 16 * MIB,
    most: 16 * MIB,
  },
  emittedBytes: { doc: "All values sent with `emit`, JSON bytes.", min: 0, default: 4 * MIB, ceiling: 16 * MIB },
  logBytes: { doc: "All log output in UTF-8 bytes.", min: 0, default: 64 * KIB, ceiling: MIB },
  logLines: { doc: "Log lines in total.", min: 0, default: 1_000, ceiling: 10_000 },
  logLineBytes: { doc: "One log line in UTF-8 bytes; the rest is cut.", min: 16, default: 8 * KIB, ceiling: 64 * KIB },
  errorBytes: {
    doc: "Text of an error in UTF-8 bytes; the rest is cut.",
    min: 64,
    default: 4 * KIB,
    ceiling: 64 * KIB,
  },
  journalBytes: {
    doc: "Arguments and answers of all calls that are journaled, JSON bytes: what a run that is taken up again reads.",
    min: 256,
    default: 64 * MIB,
    ceiling: 256 * MIB,
  },
  timers: { doc: "Timers pending at once.", min: 0, default: 1_000, ceiling: 10_000 },
} as const satisfies Record<string, LimitSpec>;

/** Name of a limit: also its key in a request's `limits` and in the configuration's. */
export type LimitName = keyof typeof LIMITS;

/** The limits of one run, complete; units are in the names. */
export type RunLimits = Readonly<Record<LimitName, number>>;

/** What the operator allows: defaults for runs that do not ask, ceilings for those that do. */
export interface LimitsConfig {
  readonly defaults: RunLimits;
  readonly ceilings: RunLimits;
}

/** What an operator may set a limit to at most; any number where nothing else is bound to it. */
export function mostOf(name: LimitName): number {
  const spec: LimitSpec = LIMITS[name];
  return spec.most ?? Number.MAX_SAFE_INTEGER;
}

/** The limits' names, in the table's order. */
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

function column(pick: (spec: LimitSpec) => number): RunLimits {
  return Object.freeze(
    Object.fromEntries(LIMIT_NAMES.map((name) => [name, pick(LIMITS[name])])) as Record<LimitName, number>,
  );
}

/** The built-in defaults and ceilings. */
export const BUILT_IN_LIMITS: LimitsConfig = Object.freeze({
  defaults: column((spec) => spec.default),
  ceilings: column((spec) => spec.ceiling),
});

/**
 * The limits of one run: what it asked for, cut to the operator's ceilings and raised to the least that makes sense.
 *
 * @param asked The request's `limits`; validated numbers.
 */
export function resolveLimits(asked: Partial<RunLimits> | undefined, config: LimitsConfig): RunLimits {
  const resolved = { ...config.defaults };
  for (const name of LIMIT_NAMES) {
    const wanted = asked?.[name] ?? config.defaults[name];
    resolved[name] = Math.max(LIMITS[name].min, Math.min(wanted, config.ceilings[name]));
  }
  return resolved;
}

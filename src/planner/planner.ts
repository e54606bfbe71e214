import type { ErrorInfo } from "../lib/errors.ts";

/** What the model is told. */
export interface PlanRequest {
  readonly task: string;
  /** JSON text of the run's input; `undefined` when it has none. */
  readonly inputJson: string | undefined;
  /** TypeScript declarations of the tools. */
  readonly declarations: string;
  /** JSON Schema text that the result must satisfy, if any. */
  readonly outputSchemaJson: string | undefined;
  /** The script that failed and why, when this is a repair. */
  readonly failed: { readonly script: string; readonly error: ErrorInfo } | undefined;
  readonly signal: AbortSignal;
}

/** What the model wrote. */
export interface Plan {
  readonly script: string;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
}

/** Turns a task into a script. */
export interface Planner {
  /** What the model is called, for traces. */
  readonly model?: string;
  /** @throws MODEL_UNAVAILABLE, MODEL_NO_SCRIPT; the signal's reason when aborted. */
  plan(request: PlanRequest): Promise<Plan>;
}

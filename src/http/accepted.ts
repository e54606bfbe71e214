import type { RunView } from "../runs/run.ts";
import { json } from "./operation.ts";
import { toRunJson } from "./run-json.ts";

/** 202 with a run that has not ended, and where it is. */
export function accepted(view: RunView): Response {
  return json(toRunJson(view), 202, { location: locationOf(view.id) });
}

/** Where a run is read. */
export function locationOf(runId: string): string {
  return `/runs/${encodeURIComponent(runId)}`;
}

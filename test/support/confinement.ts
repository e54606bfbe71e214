import { spawnSync } from "node:child_process";

/** The ways to keep a process in namespaces, strongest first. */
export const LEVELS = ["namespaces (bubblewrap)", "namespaces (unshare)"] as const;

/** Programs that have to be missing for a level to be the strongest. */
export const WITHOUT: Readonly<Record<(typeof LEVELS)[number], readonly string[]>> = {
  "namespaces (bubblewrap)": [],
  "namespaces (unshare)": ["bwrap"],
};

/** The levels this machine allows, asked of the programs themselves: what levels that were reached are compared with. */
export const allowedLevels: readonly (typeof LEVELS)[number][] = LEVELS.filter((level) => {
  const [program = "", ...args] =
    level === "namespaces (bubblewrap)"
      ? ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
      : ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--net", "--mount", "true"];
  return spawnSync(program, args).status === 0;
});

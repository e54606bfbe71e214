/** What a process is to try from inside its confinement. */
export interface ProbeTask {
  /** Port on 127.0.0.1 where the service listens. */
  readonly port: number;
  /** A process of the machine, which nobody inside should see: the one that was started. */
  readonly outerPid: number;
  /** Path of isolated-vm's binary. */
  readonly nativeModule: string;
  /** Files after which the walk ends: whoever sees so many sees the machine. */
  readonly maxFiles: number;
  /** When a connection that neither succeeds nor fails counts as failed. */
  readonly connectWithinMs: number;
}

/** What it found: each attempt is `done` when it succeeded, else the code of its failure. */
export interface ProbeReport {
  readonly connect: string;
  readonly signal: string;
  /** Becoming root. */
  readonly becomeRoot: string;
  /** Becoming a member of a group. */
  readonly changeGroups: string;
  readonly loadNative: string;
  /** Files that can be found, sorted; folders that cannot be read are among them. */
  readonly files: readonly string[];
  /** Files and folders that could be changed. */
  readonly writable: readonly string[];
}

/**
 * Runs inside a confined process, as its whole program, with nothing of this module: tries what confinement should stop
 * and writes a `ProbeReport` as a line of JSON to descriptor 3. It then stays, so that its end can be watched. It changes
 * nothing, wherever it runs.
 */
export function probe(task: ProbeTask): void {
  const { accessSync, constants, readdirSync } = process.getBuiltinModule("node:fs");
  const { connect, Socket } = process.getBuiltinModule("node:net");
  const codeOf = (error: unknown): string =>
    error instanceof Error && "code" in error ? String(error.code) : String(error);
  const attempt = (action: () => unknown): string => {
    try {
      action();
      return "done";
    } catch (error) {
      return codeOf(error);
    }
  };
  const files: string[] = [];
  const writable: string[] = [];
  const noteIfWritable = (path: string): void => {
    if (attempt(() => accessSync(path, constants.W_OK)) === "done") writable.push(path);
  };
  const foldersBelow = (folder: string): string[] => {
    const below: string[] = [];
    noteIfWritable(folder);
    const unread = attempt(() => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = `${folder === "/" ? "" : folder}/${entry.name}`;
        (entry.isDirectory() ? below : files).push(path);
      }
    });
    if (unread !== "done") files.push(`${folder} (${unread})`);
    return below;
  };
  for (const folders = ["/"]; folders.length > 0 && files.length < task.maxFiles;)
    folders.push(...foldersBelow(folders.shift() ?? "/"));
  files.splice(task.maxFiles);
  for (const file of files) noteIfWritable(file);
  const found = {
    signal: attempt(() => process.kill(task.outerPid, 0)),
    becomeRoot: attempt(() => process.setuid?.(0)),
    changeGroups: attempt(() => process.setgroups?.([0])),
    loadNative: attempt((): unknown => process.getBuiltinModule("node:module").createRequire("/")(task.nativeModule)),
    files: files.toSorted(),
    writable,
  };
  const pipe = new Socket({ fd: 3, readable: true, writable: true });
  // Without the service there is nobody to answer to.
  pipe.on("close", () => process.exit()).resume();
  const connection = connect({ host: "127.0.0.1", port: task.port, timeout: task.connectWithinMs });
  const tell = (outcome: string): void => {
    connection.destroy();
    pipe.write(`${JSON.stringify({ connect: outcome, ...found })}\n`);
  };
  connection.once("connect", () => tell("done"));
  connection.once("error", (error) => tell(codeOf(error)));
  connection.once("timeout", () => tell("ETIMEDOUT"));
}

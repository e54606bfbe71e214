#!/usr/bin/env node
import { runCli } from "./cli/cli.ts";

const OLDEST_NODE = 24;

/** A second signal ends the process at once: whoever sends it does not want to wait for runs. */
function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

/** Where a terminal is, SIGHUP says that it was closed, and ends the process as it does any other. */
function onHangup(listener: () => void): () => void {
  if (process.stdout.isTTY) return () => undefined;
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** Whoever reads the output may go first, as `head` does: the work and its exit code are the same without a reader. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  process.stderr.write(`Runlet needs Node ${OLDEST_NODE} or newer: this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  const io = {
    stdout: (text: string): void => void process.stdout.write(text),
    stderr: (text: string): void => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    onHangup,
  };
  outliveReaders();
  process.exitCode = await runCli(process.argv.slice(2), io, stopOnSignals());
}

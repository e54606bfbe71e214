import { realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { watch, type FSWatcher } from "chokidar";
import type { Config } from "../config/config.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Service } from "../service.ts";
import type { CliIo } from "./io.ts";
import type { Settings } from "./settings.ts";

/** Editors and tools write in steps: what they wrote is read when they have been quiet for so long. */
const QUIET_MS = 500;

/** The configuration that a service was started with, and how to read it anew. */
export interface ReloadSource {
  readonly config: Config;
  /** As it is named to people. `undefined`: there is no file, and nothing is reloaded. */
  readonly file: string | undefined;
  /** @throws CONFIG_INVALID when what is there now cannot be used. */
  readonly load: () => Settings;
}

/** What takes part in reloading. */
export interface ReloadDeps {
  readonly io: Pick<CliIo, "cwd" | "onHangup">;
  readonly service: Pick<Service, "apply" | "log">;
  readonly clock: Clock;
}

/**
 * Takes changes of the configuration file up while a service runs, and on each SIGHUP whatever the file refers to. The folder is
 * watched, not the file: a file that is renamed into its place, or a link that is turned, is seen too. What cannot be used is
 * told and leaves the running configuration as it is.
 *
 * @returns Dispose it to stop.
 */
export function keepReloading({ config, file, load }: ReloadSource, { io, service, clock }: ReloadDeps): Disposable {
  if (file === undefined) return { [Symbol.dispose]: () => undefined };
  const { log } = service;
  let current = config;
  let timer: Timer | undefined;

  const reload = (): void => {
    let settings: Settings;
    try {
      settings = load();
      if (settings.file !== file) throw gone(file);
    } catch (error) {
      if (!(error instanceof RunletError)) throw error;
      log.error({ file, err: error }, "configuration cannot be used: the running one stays");
      return;
    }
    if (isDeepStrictEqual(settings.config, current)) return;
    current = settings.config;
    const { servers, clients, settings: keys, needRestart } = service.apply(settings.config);
    for (const warning of settings.warnings) log.warn({ file, warning }, "configuration has a warning");
    if (needRestart.length > 0) log.warn({ file, keys: needRestart }, "configuration has changes that need a restart");
    log.info({ file, ...servers, clients, settings: keys }, "configuration is reloaded");
  };
  const later = (): void => {
    timer?.cancel();
    timer = clock.after(QUIET_MS, reload);
  };

  const stopListening = io.onHangup?.(reload);
  const watcher = config.hotReload ? watchFolders(resolve(io.cwd, file)) : undefined;
  watcher?.on("all", later);
  // What was written since the service read its file and before the watch began is told by nobody.
  watcher?.on("ready", later);
  watcher?.on("error", (error) => log.warn({ file, err: error }, "configuration cannot be watched"));
  return {
    [Symbol.dispose]() {
      timer?.cancel();
      stopListening?.();
      void watcher?.close();
    },
  };
}

/** The folder of the file, and that of the file it is a link to. */
function watchFolders(path: string): FSWatcher {
  const folders = new Set([dirname(path), dirname(realpathSync(path))]);
  return watch([...folders], { depth: 0, ignoreInitial: true });
}

function gone(file: string): RunletError {
  const message = `Cannot read ${file} as a configuration must be a readable file: it is not there any more.`;
  return new RunletError("CONFIG_INVALID", message, { hint: "Put it back, or restart the service." });
}

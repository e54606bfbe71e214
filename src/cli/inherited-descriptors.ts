import { closeSync, readdirSync, readFileSync } from "node:fs";

const FIRST_AFTER_STDERR = 3;
/** @source Linux `O_CLOEXEC`, as `/proc/PID/fdinfo` shows it */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes the descriptors that whoever started this process left open in it: each process it starts would have them, and
 * executor processes are to have nothing but their pipe. What Node and its modules open is closed on exec, which tells it apart.
 *
 * To be called once whatever the command line names has been read: `<(…)` of a shell is such a descriptor. Does nothing
 * where there is no `/proc`.
 *
 * @returns Numbers of the descriptors that were closed.
 */
export function closeInheritedDescriptors(): readonly number[] {
  if (process.platform !== "linux") return [];
  const inherited = readdirSync("/proc/self/fd").map(Number).filter(isInherited);
  for (const descriptor of inherited) closeSync(descriptor);
  return inherited;
}

function isInherited(descriptor: number): boolean {
  if (descriptor < FIRST_AFTER_STDERR) return false;
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
    const flags = /^flags:\s+(?<flags>[0-7]+)$/mu.exec(info)?.groups?.["flags"];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // The descriptor by which the folder was listed: it is closed by now.
  }
}

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** State of a socket that takes connections, as the kernel writes it. @source Linux `include/net/tcp_states.h` */
const LISTENS = "0A";
/** @source Linux `Documentation/networking/proc_net_tcp.rst` */
const COLUMNS = { local: 1, state: 3, inode: 9 } as const;

/**
 * Which process listens on a TCP port of this machine, such as `node (pid 4711)`.
 *
 * @returns `undefined` where that cannot be known: elsewhere than on Linux, and of processes of other users.
 */
export function portOwner(port: number): string | undefined {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listenersOf(table, port)));
  if (inodes.size === 0) return undefined;
  const pid = entriesOf("/proc").find((name) => /^\d+$/u.test(name) && holdsAny(name, inodes));
  return pid === undefined ? undefined : `${textOf(`/proc/${pid}/comm`).trim()} (pid ${pid})`;
}

/** Inodes of the sockets of a table that listen on a port. */
function listenersOf(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = textOf(table)
    .split("\n")
    .map((line) => line.trim().split(/\s+/u));
  return rows
    .filter((row) => row[COLUMNS.local]?.endsWith(suffix) === true && row[COLUMNS.state] === LISTENS)
    .map((row) => row[COLUMNS.inode] ?? "");
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  return entriesOf(`/proc/${pid}/fd`).some((fd) => {
    const inode = /^socket:\[(?<inode>\d+)\]$/u.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.groups?.["inode"];
    return inode !== undefined && inodes.has(inode);
  });
}

/** What is not there any more, or not for us, has nothing in it. */
function orNothing<Value>(read: () => Value, nothing: Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return nothing;
    throw error;
  }
}

const entriesOf = (folder: string): readonly string[] => orNothing(() => readdirSync(folder), []);
const textOf = (file: string): string => orNothing(() => readFileSync(file, "utf8"), "");
const linkOf = (file: string): string => orNothing(() => readlinkSync(file), "");

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { Wrapper } from "./executor-command.ts";
import type { FindTool } from "./find-tool.ts";

const run = promisify(execFile);

/** How far an executor process is kept from the rest of the machine. */
export type ConfinementLevel = "namespaces (bubblewrap)" | "namespaces (unshare)" | "process";

/** One way to confine a process, before it is known whether it holds here. */
export interface Jail {
  /** For people: which way this is. */
  readonly name: string;
  readonly level: Exclude<ConfinementLevel, "process">;
  /** Why it cannot be tried at all, or how it is done. */
  readonly how: { readonly missing: string } | { readonly wrapper: Wrapper };
}

/** Who a process is to itself, and to the kernel where the service may choose. @source the overflow user, who owns nothing */
const NOBODY = "65534";
/** The process can make no user namespace, in which it would have rights over parts of the kernel. */
const NO_USERNS = "no user namespaces";
const HELP_WITHIN_MS = 2_000;
/** Folders that exist nearly everywhere; inside the namespace one of them is the place to build the new root on. */
const BASES = ["/mnt", "/srv", "/media", "/opt", "/run", "/tmp"];

/**
 * Builds a root of read-only files on a memory file system, then starts the command in it without rights: a further user
 * namespace, whose root folder cannot be left, since whoever was put into one can make no user namespace to do so.
 *
 * Arguments: the folder to build on, the files, `--`, the command.
 */
const BUILD_ROOT = `set -e
base=$1
shift
mount -n -t tmpfs -o mode=755,nosuid,nodev,size=1m,nr_inodes=1k none "$base"
while [ "$1" != -- ]; do
  mkdir -p "$base\${1%/*}"
  : > "$base$1"
  mount -n -o bind,ro,nosuid,nodev "$1" "$base$1"
  shift
done
shift
mount -n -o remount,bind,ro,nosuid,nodev "$base"
set +e
setpriv --no-new-privs unshare --user --map-user=${NOBODY} --map-group=${NOBODY} --root="$base" --wd=/ "$@"
exit $?`;

/**
 * The ways to confine a process, strongest first: bubblewrap, then unshare, each as a user of its own where the service
 * is root and may choose.
 *
 * @param files What the process finds in its root, see `executorFiles`.
 */
export async function jails(find: FindTool, files: readonly string[]): Promise<readonly Jail[]> {
  const isRoot = process.getuid?.() === 0;
  const setpriv = find("setpriv");
  const users: Wrapper[] = isRoot && setpriv !== undefined ? [ownUser(setpriv), NO_WRAPPER] : [NO_WRAPPER];
  const bubblewrap = await bubblewrapJails(find, files);
  return [bubblewrap, [unshareJail(find, files)]].flatMap((kind) =>
    users.flatMap((user, at) =>
      kind.flatMap((jail) => ("wrapper" in jail.how ? [asUser(user, jail, jail.how.wrapper)] : at === 0 ? [jail] : [])),
    ),
  );
}

const NO_WRAPPER: Wrapper = { args: [], measures: [] };

/** The kernel then takes the process for another than the service, should it ever leave its namespaces. */
function ownUser(setpriv: string): Wrapper {
  return {
    args: [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--no-new-privs", "--"],
    measures: ["own user"],
  };
}

function asUser(user: Wrapper, jail: Jail, { args, measures }: Wrapper): Jail {
  const name = user === NO_WRAPPER ? jail.name : `${jail.name} as another user`;
  const wrapper = { args: [...user.args, ...args], measures: [...measures, ...user.measures] };
  return { ...jail, name, how: { wrapper } };
}

async function bubblewrapJails(find: FindTool, files: readonly string[]): Promise<readonly Jail[]> {
  const kind = { name: "bubblewrap", level: "namespaces (bubblewrap)" } as const;
  const bwrap = find("bwrap");
  if (bwrap === undefined) return [{ ...kind, how: { missing: "bwrap is not installed" } }];
  const plain: Wrapper = { args: bubblewrapArguments(bwrap, files, []), measures: [kind.level] };
  // Where /proc/sys is read-only, as in most containers, it cannot be done; without rights a process gains little by them.
  const last: Jail = { ...kind, name: "bubblewrap, user namespaces left", how: { wrapper: plain } };
  if (!(await offersDisableUserns(bwrap))) return [last];
  const args = bubblewrapArguments(bwrap, files, ["--disable-userns"]);
  return [{ ...kind, how: { wrapper: { args, measures: [kind.level, NO_USERNS] } } }, last];
}

function bubblewrapArguments(bwrap: string, files: readonly string[], more: readonly string[]): string[] {
  return [
    bwrap,
    ...words(`--unshare-user --uid ${NOBODY} --gid ${NOBODY}`),
    ...words("--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try"),
    ...more,
    ...words("--cap-drop ALL --new-session --die-with-parent --hostname executor --chdir /"),
    ...files.flatMap((file) => ["--ro-bind", file, file]),
    ...words("--remount-ro /"),
  ];
}

/** Versions before 0.8 do not; one that does not even say so is found out by the self-test. */
async function offersDisableUserns(bwrap: string): Promise<boolean> {
  const options = { timeout: HELP_WITHIN_MS, killSignal: "SIGKILL" } as const;
  const help = await run(bwrap, ["--help"], options).catch((error: unknown) => ({ stdout: String(error) }));
  return help.stdout.includes("--disable-userns");
}

function unshareJail(find: FindTool, files: readonly string[]): Jail {
  const kind = { name: "unshare", level: "namespaces (unshare)" } as const;
  const [unshare, setpriv, sh] = [find("unshare"), find("setpriv"), find("sh")];
  const missing = [...(unshare === undefined ? ["unshare"] : []), ...(setpriv === undefined ? ["setpriv"] : [])];
  if (unshare === undefined || setpriv === undefined || sh === undefined)
    return {
      ...kind,
      how: { missing: `${[...missing, ...(sh === undefined ? ["sh"] : [])].join(" and ")} not found` },
    };
  const base = BASES.find((folder) => existsSync(folder) && !files.some((file) => file.startsWith(`${folder}/`)));
  if (base === undefined)
    return { ...kind, how: { missing: `none of ${BASES.join(", ")} is there and without needed files` } };
  const args = [
    // Should the service die, so does this process and with it all below, even one whose thread never stops.
    setpriv,
    ...words("--pdeathsig KILL --"),
    unshare,
    ...words("--user --map-root-user --mount --net --ipc --uts --cgroup --pid --fork --kill-child=SIGKILL --"),
    sh,
    "-c",
    BUILD_ROOT,
    "sh",
    base,
    ...files,
    "--",
  ];
  return { ...kind, how: { wrapper: { args, measures: [kind.level, NO_USERNS] } } };
}

function words(text: string): string[] {
  return text.split(" ");
}

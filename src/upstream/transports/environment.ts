/** Separated by spaces. */
const EVERYWHERE = "PATH HOME LANG LC_ALL TMPDIR TZ USER SHELL";
const WINDOWS =
  "APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROCESSOR_ARCHITECTURE PROGRAMDATA PROGRAMFILES " +
  "PROGRAMFILES(X86) SYSTEMDRIVE SYSTEMROOT TEMP TMP USERNAME USERPROFILE WINDIR";

/**
 * Variables of ours that a stdio server inherits: what a program needs to find its files, tools and language.
 * Everything else of our environment may hold credentials and stays with us.
 */
const INHERITED: ReadonlySet<string> = new Set(`${EVERYWHERE} ${WINDOWS}`.split(" "));

/** Variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment of a stdio server: the allow-listed variables of ours, then what its configuration gives.
 *
 * @param own Our environment; names are compared without case, as Windows spells `Path`.
 * @param configured The server's `env`; wins over ours.
 */
export function childEnvironment(
  own: Environment,
  configured: Readonly<Record<string, string>>,
): Record<string, string> {
  const inherited = Object.entries(own).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && INHERITED.has(entry[0].toUpperCase()),
  );
  return { ...Object.fromEntries(inherited), ...configured };
}

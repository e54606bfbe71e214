/**
 * Whether a name matches a glob in which `*` stands for any run of characters and everything else for itself. Takes time
 * linear in the name for each part of the glob, whatever both are: either may come from a caller.
 *
 * @param glob From the configuration or a request.
 * @param name A server's or tool's name.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const star = glob.indexOf("*");
  if (star === -1) return glob === name;
  const head = glob.slice(0, star);
  const parts = glob.slice(star + 1).split("*");
  const tail = parts.pop() ?? "";
  const end = name.length - tail.length;
  let from = head.length;
  if (from > end || !name.startsWith(head) || !name.endsWith(tail)) return false;
  // Taking each part where it comes first leaves the most for those after it.
  for (const part of parts) {
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

/** Whether a name matches one of the globs. */
export function matchesAnyGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => matchesGlob(glob, name));
}

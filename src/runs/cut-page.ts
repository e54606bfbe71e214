/** Texts of all runs or calls of one page together, in UTF-16 units; one that is larger is a page of its own. */
export const PAGE_SIZE = 16 * 1024 * 1024;

/** The records of a page, bounded in number and size. @param records As read: what is behind the page may be among them. */
export function cutPage<T>(
  records: readonly T[],
  sizeOf: (record: T) => number,
  limit: number,
): { readonly page: readonly T[]; readonly isLast: boolean } {
  let size = 0;
  const page = records.slice(0, limit).filter((record, index) => {
    size += sizeOf(record);
    return index === 0 || size <= PAGE_SIZE;
  });
  // Behind a record that filled the page alone nothing was read: there may be more.
  return { page, isLast: page.length === records.length && size <= PAGE_SIZE };
}

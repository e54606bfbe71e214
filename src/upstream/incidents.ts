const incidentOfError = new WeakMap<object, object>();

/**
 * What made calls fail together: a process that ended, a connection that was lost. Of those under way in one session when it
 * happened all have the same.
 *
 * @returns An object to compare by identity: the failure itself where it stands alone.
 */
export function incidentOf(failure: object): object {
  return incidentOfError.get(failure) ?? failure;
}

/** The losses that the calls of one session meet. */
export class Incidents {
  #last: object = {};

  /** @returns What to give to `lost` when a call that begins now fails of one. */
  begin(): object {
    return this.#last;
  }

  /** Notes that a call failed of a loss: of one that another call has met since this one began, else of one not met yet. */
  lost(since: object, failure: object): void {
    if (since === this.#last) this.#last = {};
    incidentOfError.set(failure, this.#last);
  }
}

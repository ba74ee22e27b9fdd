/**
 * Every failure octet raises on purpose is one of three kinds. The command line prints the message and exits with 2 for
 * the user's (`UserError`, `UnsupportedError`) and 1 for ours (`InternalError`).
 */

/** Where a failure lies: the file, the graph node, or both. */
export type Place = { readonly file?: string; readonly node?: string; readonly op?: string };

const describe = ({ file, node, op }: Place): string => {
  const parts = [file, node === undefined ? undefined : `node '${node}'${op === undefined ? '' : ` (${op})`}`];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? '' : `${known.join(', ')}: `;
};

/** Something the user gave is wrong: says what, where, and what to do about it. */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  readonly what: string;
  readonly place: Place;
  readonly remedy: string | undefined;

  constructor(what: string, place: Place = {}, remedy?: string, options?: ErrorOptions) {
    super(`${describe(place)}${what}${remedy === undefined ? '' : ` — ${remedy}`}`, options);
    this.what = what;
    this.place = place;
    this.remedy = remedy;
  }
}

/** A feature octet does not have; collects every case met, not just the first. */
export class UnsupportedError extends UserError {
  override readonly name = 'UnsupportedError';
  readonly cases: readonly (Place & { readonly what: string })[];

  constructor(cases: readonly (Place & { readonly what: string })[], remedy?: string) {
    const shown = cases.slice(0, 10).map((c) => `${describe(c)}${c.what}`);
    const more = cases.length > shown.length ? [`and ${cases.length - shown.length} more`] : [];
    super([...shown, ...more].join('; '), {}, remedy);
    this.cases = cases;
  }
}

/** A broken promise inside octet: a bug to report, never the user's doing. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
  readonly what: string;
  readonly place: Place;

  constructor(what: string, place: Place = {}, options?: ErrorOptions) {
    super(`${describe(place)}${what} (this is a bug in octet)`, options);
    this.what = what;
    this.place = place;
  }
}

/** Throws `InternalError` unless `condition` holds. */
export function invariant(condition: unknown, what: string, place: Place = {}): asserts condition {
  if (!condition) throw new InternalError(what, place);
}

/** The message of anything that can be thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What was thrown while a node was at work, with its place, unless it names a node already (the nearer one). */
export function placed(error: unknown, place: Required<Pick<Place, 'node' | 'op'>>): unknown {
  if (error instanceof UserError) {
    if (error.place.node !== undefined) return error;
    return new UserError(error.what, { ...error.place, ...place }, error.remedy, { cause: error });
  }
  if (error instanceof InternalError)
    return error.place.node === undefined ? new InternalError(error.what, place, { cause: error }) : error;
  // What V8 throws when an array does not fit into memory.
  if (error instanceof RangeError)
    return new UserError(`needs more memory than there is: ${error.message}`, place, 'feed a smaller batch', {
      cause: error,
    });
  return new InternalError(messageOf(error), place, { cause: error });
}

/** Runs `work`; what it throws names the node (`placed`). */
export function atNode<T>({ name, op }: { readonly name: string; readonly op: string }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw placed(error, { node: name, op });
  }
}

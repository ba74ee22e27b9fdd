/** The middle one of at least one value; of an even number of them the larger one in the middle. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Four digits: enough to be seen, and a fraction of the text. */
export const short = (x: number): number => Number(x.toPrecision(4));

/** Reports of long work: what is being done, how many steps are done and how many there will be (if that is known). */
export type Progress = {
  readonly start: (task: string, total?: number) => void;
  readonly advance: (steps?: number) => void;
  readonly note: (message: string) => void;
  readonly finish: () => void;
};

/** Reports to nobody. */
export const silent: Progress = { start: () => {}, advance: () => {}, note: () => {}, finish: () => {} };

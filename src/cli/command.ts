import type { Command } from 'commander';

/** Adds a command to the program; `signal` is aborted when the user interrupts. */
export type AddCommand = (program: Command, signal: AbortSignal) => void;

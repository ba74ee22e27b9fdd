import type { AddCommand } from '../command.ts';
import { benchmarkCommand } from './benchmark.ts';
import { calibrateCommand } from './calibrate.ts';
import { compareCommand } from './compare.ts';
import { evaluateCommand } from './evaluate.ts';
import { fuseCommand } from './fuse.ts';
import { inspectCommand } from './inspect.ts';
import { optimizeCommand } from './optimize.ts';
import { quantizeCommand } from './quantize.ts';
import { reportCommand } from './report.ts';
import { runCommand } from './run.ts';
import { tuneCommand } from './tune.ts';
import { zooCommand } from './zoo.ts';

export const commands: readonly AddCommand[] = [
  inspectCommand,
  optimizeCommand,
  quantizeCommand,
  calibrateCommand,
  fuseCommand,
  evaluateCommand,
  compareCommand,
  runCommand,
  reportCommand,
  tuneCommand,
  benchmarkCommand,
  zooCommand,
];

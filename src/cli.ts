#!/usr/bin/env node
import { main } from './cli/main.ts';

// Whoever reads the output may have seen enough (`octet … | head`): that is no failure, and nothing more is to be said.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

process.exitCode = await main(process.argv);

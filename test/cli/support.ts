import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';

/** Each command is a process of its own, which takes its time where the machine has other work. */
vi.setConfig({ testTimeout: 180_000 });

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Started = { readonly child: ChildProcess; readonly ended: Promise<Ended>; readonly stderr: () => string };

/** Starts the command line as a process of its own, as a user does; on the reference backend, which every machine has. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...args], {
    env: { ...process.env, OCTET_BACKEND: 'reference', OCTET_DEBUG: '', ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended, stderr: () => stderr };
}

/** Runs the command line to its end. */
export const octet = (...args: readonly string[]): Promise<Ended> => start(args).ended;

/** A folder for a test file, and its removal. */
export function workFolder(name: string): { readonly path: (file: string) => string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), `octet-${name}-`));
  return { path: (file) => join(folder, file), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** That a command failed as a user's mistake should: one line that says `message`, no stack trace, nothing on stdout. */
export function expectUserError({ code, stdout, stderr }: Ended, message: RegExp): void {
  const complaints = stderr.split('\n').filter((line) => line.startsWith('octet: '));
  expect(complaints, stderr).toHaveLength(1);
  expect(complaints[0]).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe('');
  expect(code).toBe(2);
}

/** That a command left nothing half-written in `folder`. */
export const expectNothingHalfWritten = (folder: string): void =>
  expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'))).toEqual(
    [],
  );

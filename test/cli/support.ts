import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, vi } from 'vitest';

/** Each command is a process of its own, which takes its time where the machine has other work. */
vi.setConfig({ testTimeout: 180_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The command line as it is built, once for a test file: each of its many processes starts sooner than from the sources. */
const cli = build();

function build(): string {
  // Beside node_modules, so that what it imports is found.
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const dist = join(folder, 'dist');
  const options = ['--noCheck', '--declaration', 'false', '--sourceMap', 'false', '--outDir', dist];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), ...options]);
  cpSync(join(root, 'src/report/page'), join(dist, 'report/page'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  return join(dist, 'cli.js');
}

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type Started = { readonly child: ChildProcess; readonly ended: Promise<Ended>; readonly stderr: () => string };

/** Starts the command line as a process of its own, as a user does; on the reference backend, which every machine has. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [cli, ...args], {
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

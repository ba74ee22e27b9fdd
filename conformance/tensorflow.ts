import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../src/base/errors.ts';
import type { Tensor } from '../src/base/tensor.ts';
import { ensurePython } from './python.ts';
import { decodeTensors, encodeTensors } from './tensor-file.ts';

/** What to run: a serialized GraphDef, or a SavedModel's folder. */
export type RunRequest = (
  | { readonly graph: Uint8Array }
  | { readonly savedModel: string; readonly tags?: readonly string[] }
) & {
  /** With a signature (SavedModels only), feeds and fetches are its keys; else tensor names, `:0` may be left out. */
  readonly signature?: string;
  readonly feeds?: ReadonlyMap<string, Tensor>;
  /** `^node` runs a node for its effect and returns nothing. */
  readonly fetches: readonly string[];
  /** false runs without Grappler and constant folding; TensorFlow's oneDNN rewrites stay. */
  readonly grappler?: boolean;
  readonly timeoutSeconds?: number;
};

export type CasesRequest = {
  /** The serialized GraphDef of the cases named, whose nodes' names start with their case's name and a slash. */
  readonly graph: (cases: readonly string[]) => Uint8Array;
  readonly feeds: ReadonlyMap<string, Tensor>;
  readonly cases: readonly {
    readonly name: string;
    /** Nodes to run first, together. */
    readonly setup: readonly string[];
    /** Names of tensors among `feeds`. */
    readonly feeds: readonly string[];
    readonly fetches: readonly string[];
  }[];
  /** For all of them together. */
  readonly timeoutSeconds?: number;
};

/** TensorFlow's answer: 'error' is an exception of its own, 'crashed' the end of its process (a segmentation fault, an abort). */
export type RunResult =
  | { readonly status: 'ok'; readonly outputs: Map<string, Tensor> }
  | { readonly status: 'error'; readonly kind: string; readonly message: string }
  | { readonly status: 'crashed' | 'timeout'; readonly message: string };

export type TensorInfo = { readonly name: string; readonly dtype: string; readonly shape: readonly number[] | null };
export type SignatureInfo = Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, TensorInfo>>>>;
/** An op as TensorFlow has it registered; arguments in the notation of src/graph/op-def.ts. */
export type RegisteredOp = {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: readonly { name: string; kind: string; required: boolean; allowed?: readonly string[] }[];
  readonly stateful: boolean;
};

export type TensorFlow = AsyncDisposable & {
  readonly version: string;
  /** Runs a graph. Throws `TensorFlowError` on anything but outputs. */
  run(request: RunRequest): Promise<Map<string, Tensor>>;
  /** Runs a graph; failures and crashes are results, and the next request finds a new process. */
  tryRun(request: RunRequest): Promise<RunResult>;
  /** Runs parts of one graph one after another in one session. Each fails, or crashes TensorFlow, by itself. */
  runCases(request: CasesRequest): Promise<ReadonlyMap<string, RunResult>>;
  signatures(savedModel: string, tags?: readonly string[]): Promise<Readonly<Record<string, SignatureInfo>>>;
  ops(): Promise<readonly RegisteredOp[]>;
};

export class TensorFlowError extends Error {
  override readonly name = 'TensorFlowError';
  readonly result: Exclude<RunResult, { status: 'ok' }>;
  constructor(result: Exclude<RunResult, { status: 'ok' }>) {
    super(
      result.status === 'error'
        ? `${result.kind}: ${result.message}`
        : `TensorFlow ${result.status}: ${result.message}`,
    );
    this.result = result;
  }
}

export type StartOptions = {
  /** A Python with TensorFlow; by default `ensurePython` finds or makes one. */
  readonly python?: string;
  /** false turns TensorFlow's oneDNN kernels off, so the plain ones run. */
  readonly oneDnn?: boolean;
  readonly log?: (line: string) => void;
};

/** Starts real TensorFlow in a process of its own, with two threads. Requests are answered one after another. */
export async function startTensorFlow(options: StartOptions = {}): Promise<TensorFlow> {
  const python = options.python ?? (await ensurePython(options.log ?? console.error));
  const folder = await mkdtemp(join(tmpdir(), 'octet-tensorflow-'));
  const server = serverOf(python, { TF_ENABLE_ONEDNN_OPTS: options.oneDnn === false ? '0' : '1' });
  const close = async () => {
    server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { version } = okOrThrow(await server.ask({ command: 'version' }));
    return client(server, folder, String(version), close);
  } catch (error) {
    await close();
    throw error;
  }
}

function client(server: Server, folder: string, version: string, close: () => Promise<void>): TensorFlow {
  let runs = 0;
  const tryRun = async (request: RunRequest): Promise<RunResult> => {
    const stem = join(folder, `${++runs}`);
    const files = { feeds: `${stem}.in`, out: `${stem}.out` };
    await writeFile(files.feeds, encodeTensors(request.feeds ?? new Map()));
    const { signature, fetches, grappler, timeoutSeconds } = request;
    const model = await modelOf(request, folder);
    const reply = await server.ask(
      { command: 'run', ...model, ...files, signature, fetches, grappler },
      timeoutSeconds,
    );
    const result: RunResult =
      reply.status === 'ok' ? { status: 'ok', outputs: decodeTensors(await readFile(files.out)) } : reply;
    await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
    return result;
  };
  const runCases = async ({ graph, feeds, cases, timeoutSeconds }: CasesRequest) => {
    const results = new Map<string, RunResult>();
    const stem = join(folder, `${++runs}`);
    const files = { feeds: `${stem}.in`, out: `${stem}.out`, progress: `${stem}.progress` };
    await writeFile(files.feeds, encodeTensors(feeds));
    let left = cases;
    let model = await modelOf({ graph: graph(left.map(({ name }) => name)), fetches: [] }, folder);
    while (left.length > 0) {
      const reply = await server.ask({ command: 'cases', ...model, ...files, cases: left }, timeoutSeconds);
      if (reply.status === 'crashed' || reply.status === 'timeout') {
        // What ran before the crash has left nothing behind: it is run again, without the case that crashed.
        const reached = (await readFile(files.progress, 'utf8').catch(() => '')).trim().split('\n').at(-1);
        const culprit = left.find(({ name }) => name === reached) ?? left[0]!;
        results.set(culprit.name, reply);
        left = left.filter((one) => one !== culprit);
        continue;
      }
      if (reply.status === 'error') {
        // The graph as a whole was refused: the message names the node at fault.
        const culprit = left.find(({ name }) => new RegExp(`\\b${name}/`).test(reply.message));
        for (const { name } of culprit === undefined ? left : [culprit]) results.set(name, reply);
        if (culprit === undefined) break;
        left = left.filter((one) => one !== culprit);
        model = await modelOf({ graph: graph(left.map(({ name }) => name)), fetches: [] }, folder);
        continue;
      }
      const outputs = decodeTensors(await readFile(files.out));
      const answers = new Map(
        (okOrThrow(reply).results as readonly CaseReply[]).map((answer) => [answer.name, answer]),
      );
      for (const { name, fetches } of left) results.set(name, resultOf(answers.get(name)!, fetches, outputs));
      break;
    }
    await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
    return results;
  };
  return {
    version,
    tryRun,
    runCases,
    run: async (request) => {
      const result = await tryRun(request);
      if (result.status !== 'ok') throw new TensorFlowError(result);
      return result.outputs;
    },
    signatures: async (savedModel, tags) => {
      const reply = okOrThrow(await server.ask({ command: 'signatures', savedModel, tags }));
      return reply.signatures as Readonly<Record<string, SignatureInfo>>;
    },
    ops: async () => okOrThrow(await server.ask({ command: 'ops' })).ops as readonly RegisteredOp[],
    [Symbol.asyncDispose]: close,
  };
}

type CaseReply = { readonly name: string; readonly ok: boolean; readonly kind: string; readonly message: string };

function resultOf(
  { ok, kind, message }: CaseReply,
  fetches: readonly string[],
  outputs: ReadonlyMap<string, Tensor>,
): RunResult {
  if (!ok) return { status: 'error', kind, message };
  return { status: 'ok', outputs: new Map(fetches.map((fetch) => [fetch, outputs.get(fetch)!])) };
}

/** The graph as a file named by its content, so that the server keeps its session for the next run. */
async function modelOf(request: RunRequest, folder: string) {
  if ('savedModel' in request) return { savedModel: request.savedModel, tags: request.tags };
  const path = join(folder, `${createHash('sha256').update(request.graph).digest('hex')}.pb`);
  if (!existsSync(path)) await writeFile(path, request.graph);
  return { graph: path };
}

type Reply = { readonly status: 'ok'; readonly [field: string]: unknown } | Exclude<RunResult, { status: 'ok' }>;
type Server = { ask(request: object, timeoutSeconds?: number): Promise<Reply>; stop(): void };

function okOrThrow(reply: Reply): Extract<Reply, { status: 'ok' }> {
  if (reply.status !== 'ok') throw new TensorFlowError(reply);
  return reply;
}

/** server.py as a child process, started when it is first asked and again after each death. */
function serverOf(python: string, extra: Readonly<Record<string, string>>): Server {
  const script = fileURLToPath(new URL('./server.py', import.meta.url));
  let child: ChildProcess | undefined;
  let ids = 0;
  let last: Promise<unknown> = Promise.resolve();

  const askNow = (request: object, timeoutSeconds: number): Promise<Reply> => {
    if (child === undefined) {
      child = spawn(python, ['-u', script], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...extra } });
      child.stdin!.on('error', () => {}); // a dead process is reported by its exit
    }
    const id = ++ids;
    const reply = answer(child, id, timeoutSeconds);
    child.stdin!.write(`${JSON.stringify({ id, ...request })}\n`);
    return reply.then((result) => {
      if (result.status === 'crashed' || result.status === 'timeout') {
        child?.kill('SIGKILL');
        child = undefined;
      }
      return result;
    });
  };
  return {
    ask: (request, timeoutSeconds = 600) => {
      const reply = last.then(() => askNow(request, timeoutSeconds));
      last = reply.catch(() => {});
      return reply;
    },
    stop: () => {
      child?.kill('SIGKILL');
      child = undefined;
    },
  };
}

/** Waits for one reply line, the end of the process, or too long. */
function answer(child: ChildProcess, id: number, timeoutSeconds: number): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout! });
    const errors: string[] = [];
    const note = (chunk: Buffer) => void errors.push(chunk.toString());
    const finish = (reply: Reply) => {
      clearTimeout(timer);
      lines.close();
      child.stderr!.off('data', note);
      child.off('exit', died).off('error', failed);
      resolve(reply);
    };
    const tail = () => errors.join('').trim().split('\n').slice(-5).join('\n');
    const died = (code: number | null, signal: NodeJS.Signals | null) =>
      finish({
        status: 'crashed',
        message: `its process ended with ${signal ?? `exit code ${code}`}. ${tail()}`.trim(),
      });
    const failed = (error: Error) => finish({ status: 'crashed', message: error.message });
    const timer = setTimeout(
      () => finish({ status: 'timeout', message: `no answer in ${timeoutSeconds} s` }),
      timeoutSeconds * 1000,
    );
    child.stderr!.on('data', note);
    child.on('exit', died).on('error', failed);
    lines.once('line', (line) => {
      const { id: answered, ok, ...rest } = JSON.parse(line) as { id: number; ok: boolean; [field: string]: unknown };
      if (answered !== id) reject(new InternalError(`TensorFlow answered request ${answered} instead of ${id}`));
      finish(
        ok ? { status: 'ok', ...rest } : { status: 'error', kind: String(rest.kind), message: String(rest.message) },
      );
    });
  });
}

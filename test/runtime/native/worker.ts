/** Runs a model on a thread of its own, as often as is asked for; tells of its start and of the last result. */
import { parentPort, workerData } from 'node:worker_threads';
import { compile } from '../../../src/runtime/session.ts';
import { net, randomFeeds } from '../../compile/graphs.ts';

const n = net(1);
const x = n.input('x', [1, 32, 32, 64]);
let y = x;
for (let i = 0; i < 6; i++) y = n.conv(y, { kernel: [3, 3], out: 64 });
const model = n.model([y.codes], [x]);
const feeds = randomFeeds(model, 4, 1);
using session = await compile(model, { backend: 'native', threads: 2 });
parentPort!.postMessage('started');
let last: Awaited<ReturnType<typeof session.run>> | undefined;
for (let i = 0; i < workerData.runs; i++) last = await session.run(feeds);
parentPort!.postMessage(Buffer.from(last!.y0!.data as Uint8Array).toString('base64'));

/** Touches one byte of native memory, then prints 'survived'. Run in a process of its own: a fault ends it. */
import { requireHost } from '../../../support/native-host.ts';

const [what, ...numbers] = process.argv.slice(2);
const [bytes = 0, offset = 0] = numbers.map(Number);
const { arena: allocate, code } = await requireHost();
// mov al, [rdi]; ret  and  mov [rdi], al; ret
const load = code(Uint8Array.of(0x8a, 0x07, 0xc3)).bind('void(ctx)');
const store = code(Uint8Array.of(0x88, 0x07, 0xc3)).bind('void(ctx)');

const actions = new Map<string | undefined, () => void | Promise<void>>([
  ['load', () => load(allocate(bytes).address + offset)],
  ['store', () => store(allocate(bytes).address + offset)],
  ['load-end', () => load(allocate(bytes, { place: 'end' }).address + offset)],
  ['store-async', () => store.async(allocate(bytes, { place: 'end' }).address + offset)],
  ['store-code', () => store(store.address)],
  [
    'run-data',
    () => {
      const stranger = allocate(64);
      stranger.view(Uint8Array).fill(0xc3);
      // jmp rdi
      code(Uint8Array.of(0xff, 0xe7)).bind('void(ctx)')(stranger.address);
    },
  ],
  [
    'stale-view',
    () => {
      const arena = allocate(bytes);
      const view = arena.view(Uint8Array);
      arena.release();
      if (view.length > 0) view[offset] = 1;
    },
  ],
]);
await actions.get(what)!();
console.log('survived');

import { expect, it } from 'vitest';
import { usualSamples } from '../../src/api/samples.ts';
import { silent } from '../../src/base/progress.ts';

it('calibrates with fewer samples on the reference backend, and says so', async () => {
  const notes: string[] = [];
  const progress = { ...silent, note: (text: string) => void notes.push(text) };
  expect(await usualSamples('reference', { progress })).toBe(20);
  expect(notes).toEqual([
    'calibrates with 20 samples rather than 100, as the reference backend is slow (--samples asks for more)',
  ]);
});

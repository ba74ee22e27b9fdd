import { describe } from 'vitest';
import { testRecorded } from './as-tensorflow.ts';

describe('array as TensorFlow computes it', () => testRecorded('array.json'));

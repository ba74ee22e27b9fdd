import { describe } from 'vitest';
import { testRecorded } from './as-tensorflow.ts';

describe('math as TensorFlow computes it', () => testRecorded('math.json'));

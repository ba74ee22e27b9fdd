import { describe } from 'vitest';
import { testRecorded } from './as-tensorflow.ts';

describe('image as TensorFlow computes it', () => testRecorded('image.json'));

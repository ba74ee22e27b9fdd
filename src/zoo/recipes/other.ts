import type { Recipe } from '../../data/recipe/recipe.ts';

export const ssdMobilenetV1Coco: Recipe = {
  name: 'ssd_mobilenet_v1_coco',
  description: 'SSD-MobileNet-v1 for COCO: raw RGB pixels of 300 x 300.',
  inputs: [
    {
      name: 'image_tensor',
      from: { kind: 'image', resize: { mode: 'exact', width: 300, height: 300, filter: 'bilinear' } },
    },
  ],
  outputs: ['detection_boxes', 'detection_scores', 'detection_classes', 'num_detections'],
  metric: {
    kind: 'detection',
    boxes: 'detection_boxes',
    scores: 'detection_scores',
    classes: 'detection_classes',
    count: 'num_detections',
  },
  calibration: { spread: 100 },
};

export const ncfMlpMl1m: Recipe = {
  name: 'ncf_mlp_ml1m',
  description: 'Neural collaborative filtering on MovieLens-1M: leave one out among 99 items not seen.',
  inputs: [
    { name: 'user', from: { kind: 'rating', column: 'user' } },
    { name: 'item', from: { kind: 'rating', column: 'item' } },
  ],
  outputs: ['prediction'],
  metric: { kind: 'ranking', output: 'prediction', k: 10 },
  calibration: { spread: 500 },
};

export const wideDeepTaxi: Recipe = {
  name: 'wide_deep_taxi',
  description: 'Wide & Deep on Chicago taxi trips: does the tip exceed a fifth of the fare?',
  inputs: [
    {
      name: 'examples',
      from: {
        kind: 'example',
        features: {
          int64: [
            'trip_start_month',
            'trip_start_hour',
            'trip_start_day',
            'trip_start_timestamp',
            'pickup_community_area',
            'dropoff_community_area',
            'pickup_census_tract',
            'dropoff_census_tract',
            'trip_seconds',
          ],
          float: ['fare', 'pickup_latitude', 'pickup_longitude', 'dropoff_latitude', 'dropoff_longitude', 'trip_miles'],
          bytes: ['payment_type', 'company'],
        },
      },
    },
  ],
  labels: { expression: 'tips > 0.2 * fare' },
  metric: { kind: 'auc', output: 'logistic' },
  calibration: { spread: 1000 },
};

export const dsCnnKws: Recipe = {
  name: 'ds_cnn_kws',
  description:
    'Keyword spotting: 16 kHz wav files as they are; a folder a class, in the order of the model, for accuracy.',
  inputs: [{ name: 'wav_data', from: { kind: 'file', extensions: ['.wav'], feature: 'audio/encoded' } }],
  outputs: ['labels_softmax'],
  metric: { kind: 'topK', output: 'labels_softmax', k: [1] },
};

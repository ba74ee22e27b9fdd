"""Records what TensorFlow gives for the shared models on inputs that a test can make again: `python record_models.py FOLDER`.

FOLDER holds the models; models.golden.json is written beside this file. Run with tensorflow-cpu==2.21.0.
"""
import base64
import io
import json
import os
import sys
import wave

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import tensorflow as tf

folder = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))


def picture(size):
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing='ij')
    return ((x * 7 + y * 13 + c * 29 + (x * y) // 64) % 256).astype(np.float32)[None]


def sound():
    b = io.BytesIO()
    i = np.arange(16000, dtype=np.int64)
    with wave.open(b, 'wb') as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes((i * i % 20011 - 10005).astype('<i2').tobytes())
    return b.getvalue()


def trips():
    f = tf.train
    of = lambda **d: f.Example(features=f.Features(feature={
        k: f.Feature(bytes_list=f.BytesList(value=[v])) if isinstance(v, bytes)
        else f.Feature(int64_list=f.Int64List(value=[v])) if isinstance(v, int)
        else f.Feature(float_list=f.FloatList(value=[v])) for k, v in d.items()})).SerializeToString()
    return [
        of(fare=5.85, trip_start_month=10, trip_start_hour=1, trip_start_day=2, trip_start_timestamp=1382319000, pickup_latitude=41.985, pickup_longitude=-87.8045, trip_miles=0.0, payment_type=b'Cash', company=b'Taxi Affiliation Services', trip_seconds=180, pickup_community_area=10),
        of(fare=22.5, trip_start_month=3, trip_start_hour=18, trip_start_day=6, trip_start_timestamp=1400000000, trip_miles=9.3, payment_type=b'Credit Card', company=b'unheard of', trip_seconds=1500, dropoff_community_area=8),
        of(),
    ]


def frozen(name, feeds, fetches):
    gd = tf.compat.v1.GraphDef()
    gd.ParseFromString(open(os.path.join(folder, name), 'rb').read())
    with tf.Graph().as_default() as g:
        tf.import_graph_def(gd, name='')
        with tf.compat.v1.Session() as s:
            out = s.run([g.get_tensor_by_name(f + ':0') for f in fetches], {g.get_tensor_by_name(k + ':0'): v for k, v in feeds.items()})
    return {k: [float(str(np.float32(x))) for x in v.reshape(-1)] for k, v in zip(fetches, out)}


ssd = ['detection_boxes', 'detection_scores', 'detection_classes', 'num_detections']
result = {
    'ssd_mobilenet_v1_coco_loop.pb': frozen('ssd_mobilenet_v1_coco_loop.pb', {'image_tensor': picture(300)}, ssd),
    'ssd_mobilenet_v1_coco.pb': frozen('ssd_mobilenet_v1_coco.pb', {'image_tensor': picture(300)}, ssd),
    'ds_cnn_kws.pb': frozen('ds_cnn_kws.pb', {'wav_data': sound()}, ['Mfcc', 'labels_softmax']),
    'resnet20_cifar10.pb': frozen('resnet20_cifar10.pb', {'input': picture(32) / 255}, ['logits']),
}
examples = trips()
wide = tf.saved_model.load(os.path.join(folder, 'wide_deep_taxi')).signatures['predict'](examples=tf.constant(examples))
result['wide_deep_taxi'] = {
    'examples': [base64.b64encode(e).decode() for e in examples],
    'outputs': {k: [float(str(np.float32(x))) for x in wide[k].numpy().reshape(-1)] for k in ['logits', 'logistic', 'probabilities']},
    'classes': [c.decode() for c in wide['classes'].numpy().reshape(-1)],
}
with open(os.path.join(here, 'models.golden.json'), 'w') as out:
    json.dump(result, out, separators=(',', ':'))
    out.write('\n')

"""Records what TensorFlow's ops give: `python record.py` writes one .golden.json a family beside this file.

A case is an op, its attributes and inputs, and the outputs, or `error` where TensorFlow refuses. Strings are bytes, one
character each (latin-1). Run with tensorflow-cpu==2.21.0.
"""
import json
import os
import wave
import io

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import tensorflow as tf

here = os.path.dirname(os.path.abspath(__file__))
random = np.random.RandomState(1)
cases = {}


def plain(t):
    t = tf.convert_to_tensor(t)
    a = t.numpy()
    if t.dtype == tf.string:
        data = [b.decode('latin-1') for b in np.asarray(a, object).reshape(-1)]
    elif t.dtype in (tf.int64, tf.uint64):
        data = [str(x) for x in np.asarray(a).reshape(-1)]
    else:
        # The shortest decimal that gives the float32 back.
        flat = np.asarray(a).reshape(-1)
        data = [x if np.isfinite(x) else str(x) for x in ([float(str(x)) for x in flat] if t.dtype == tf.float32 else flat.tolist())]
    return {'dtype': t.dtype.name, 'shape': list(t.shape), 'data': data}


def attr(v):
    if isinstance(v, bool): return {'bool': v}
    if isinstance(v, int): return {'int': v}
    if isinstance(v, float): return {'float': v}
    if isinstance(v, (str, bytes)): return {'string': v if isinstance(v, str) else v.decode('latin-1')}
    if isinstance(v, tf.DType): return {'type': v.name}
    if len(v) == 0: return {'list': {}}
    if isinstance(v[0], int): return {'list': {'ints': list(v)}}
    if isinstance(v[0], str): return {'list': {'strings': list(v)}}
    if isinstance(v[0], tf.DType): return {'list': {'types': [t.name for t in v]}}
    return {'list': {'shapes': [[None if d is None or d < 0 else d for d in s] for s in v]}}


def record(family, op, inputs, derived=None, **attrs):
    """`inputs` by name, lists for repeated ones; `derived` are attributes that TensorFlow works out by itself."""
    flat = []
    for v in inputs.values():
        flat += [plain(x) for x in v] if isinstance(v, (list, tuple)) and isinstance(v[0] if v else None, tf.Tensor) else ([] if isinstance(v, (list, tuple)) and not v else [plain(v)])
    case = {'op': op, 'attrs': {k: attr(v) for k, v in {**attrs, **(derived or {})}.items()}, 'inputs': flat}
    try:
        out = getattr(tf.raw_ops, op)(**inputs, **attrs)
        out = [] if out is None else [out] if isinstance(out, tf.Tensor) else list(out)
        flat_out = []
        for o in out:
            flat_out += list(o) if isinstance(o, (list, tuple)) else [o]
        case['outputs'] = [plain(o) for o in flat_out]
    except (tf.errors.OpError, ValueError) as e:
        case['error'] = type(e).__name__
    cases.setdefault(family, []).append(case)


S = lambda *x: tf.constant(list(x), tf.string)
I64 = lambda x, shape=None: tf.constant(x, tf.int64, shape)
I32 = lambda x, shape=None: tf.constant(x, tf.int32, shape)
F = lambda x, shape=None: tf.constant(x, tf.float32, shape)


def strings():
    r = lambda op, inputs, **a: record('strings', op, inputs, **a)
    long = [bytes(random.randint(0, 256, n, np.uint8)) for n in list(range(0, 70)) + [71, 127, 128, 129, 130, 191, 192, 193, 1000]]
    for op in ['StringToHashBucketFast', 'StringToHashBucket']:
        a = {'input' if op.endswith('Fast') else 'string_tensor': tf.constant(long)}
        r(op, a, num_buckets=2**62)
        r(op, a, num_buckets=10)
    r('StringToHashBucketStrong', {'input': tf.constant(long)}, num_buckets=2**62, key=[123456789, 987654321])
    text = S(b'Hello, World', b'', b'  two  words ', 'größe ÄÖ€'.encode(), b'a,b,,c', b'tab\tnew\n')
    for op in ['StringLower', 'StringUpper']:
        r(op, {'input': text})
        r(op, {'input': text}, encoding='utf-8')
    r('StringStrip', {'input': text})
    for unit in ['BYTE', 'UTF8_CHAR']:
        r('StringLength', {'input': text}, unit=unit)
        r('Substr', {'input': text, 'pos': I32(0), 'len': I32(3)}, unit=unit)
        r('Substr', {'input': text, 'pos': I32([-3, 0, 2, 4, 1, -1]), 'len': I32([2, 4, 40, 3, 0, 1])}, unit=unit)
        r('Substr', {'input': text, 'pos': I32(9), 'len': I32(1)}, unit=unit)
    r('StringJoin', {'inputs': [S(b'a', b'b'), tf.constant('-'), S(b'c', b'd')]}, separator='+')
    r('StringJoin', {'inputs': [tf.constant('x')]})
    r('StringSplit', {'input': text, 'delimiter': tf.constant(', ')}, skip_empty=True)
    r('StringSplit', {'input': text, 'delimiter': tf.constant(',')}, skip_empty=False)
    r('StringSplit', {'input': S(b'abc', b''), 'delimiter': tf.constant('')})
    for sep in ['', ',', ', ']:
        for n in [-1, 0, 1, 2]:
            r('StringSplitV2', {'input': text, 'sep': tf.constant(sep)}, maxsplit=n)
    m = tf.constant([[b'a', b'b', b'c'], [b'd', b'e', b'f']])
    for idx in [[0], [1], [0, 1], [1, 0], [-1]]:
        for keep in [False, True]:
            r('ReduceJoin', {'inputs': m, 'reduction_indices': I32(idx)}, keep_dims=keep, separator='.')
    r('UnsortedSegmentJoin', {'inputs': S(b'a', b'b', b'c', b'd'), 'segment_ids': I32([2, 0, 2, -1]), 'num_segments': I32(3)}, separator=':')
    for p, w in [(r'o', '0'), (r'(\w)(\w)', r'\2\1'), (r'x*', '-'), (r'^\s+|\s+$', ''), (r'[[:punct:]]', ''), (r'(?i)H', r'\\\0'), (r'\pL', 'L'), (r'(a)|b', r'<\1>')]:
        r('RegexReplace', {'input': text, 'pattern': tf.constant(p), 'rewrite': tf.constant(w)}, replace_global=True)
        r('RegexReplace', {'input': text, 'pattern': tf.constant(p), 'rewrite': tf.constant(w)}, replace_global=False)
        r('StaticRegexReplace', {'input': text}, pattern=p, rewrite=w)
    r('RegexReplace', {'input': text, 'pattern': tf.constant('('), 'rewrite': tf.constant('')})
    for p in [r'H.*', r'[a-z,]*', r'.*', r'a(,|b)+c', r'\s*two.*']:
        r('RegexFullMatch', {'input': text, 'pattern': tf.constant(p)})
        r('StaticRegexFullMatch', {'input': text}, pattern=p)
    floats = F([0, -0.0, 1, -1.5, 3.14159274, 1e-7, 123456.789, 1e10, 1e22, float('inf'), float('-inf'), float('nan')])
    for a in [{}, {'precision': 2}, {'scientific': True}, {'shortest': True}, {'shortest': True, 'precision': 3}, {'width': 12}, {'width': 12, 'fill': '0'}, {'width': 12, 'fill': '-'}, {'fill': '+'}, {'scientific': True, 'precision': 3, 'width': 14}]:
        r('AsString', {'input': floats}, **a)
    for t in [tf.int32, tf.int64, tf.uint8]:
        r('AsString', {'input': tf.cast([0, 1, 100], t)}, width=5, fill='0')
        r('AsString', {'input': tf.cast([0, 1, 100], t)})
    r('AsString', {'input': I64([-2**63, 2**63 - 1, -5])}, width=4, fill='0')
    r('AsString', {'input': tf.constant([True, False])})
    for t, ok in [(tf.float32, [b'1.5', b' -2e3 ', b'inf', b'-Infinity', b'nan', b'.5']), (tf.int32, [b'12', b'-7 ', b'2147483647']), (tf.int64, [b'9223372036854775807', b'-5']), (tf.float64, [b'0.1', b'1e308'])]:
        r('StringToNumber', {'string_tensor': tf.constant(ok)}, out_type=t)
    for t, bad in [(tf.float32, b'1.5x'), (tf.float32, b''), (tf.int32, b'2147483648'), (tf.int32, b'1.0'), (tf.int64, b'x')]:
        r('StringToNumber', {'string_tensor': S(bad)}, out_type=t)
    for pad in [False, True]:
        r('EncodeBase64', {'input': tf.constant(long[:20])}, pad=pad)
        r('DecodeBase64', {'input': tf.io.encode_base64(tf.constant(long[:20]), pad=pad)})
    r('DecodeBase64', {'input': S(b'a+b')})
    bad = S('aß€😀'.encode(), b'a\xff\xe2\x82b', b'', b'\x01ok\x7f')
    for e in ['replace', 'ignore', 'strict']:
        for c in [False, True]:
            r('UnicodeDecode', {'input': bad}, input_encoding='UTF-8', errors=e, replace_control_characters=c)
            r('UnicodeDecodeWithOffsets', {'input': bad}, input_encoding='UTF-8', errors=e, replace_control_characters=c)
            r('UnicodeTranscode', {'input': bad}, input_encoding='UTF-8', output_encoding='UTF-8', errors=e, replace_control_characters=c)
    for o in ['UTF-8', 'UTF-16-BE', 'UTF-32-BE']:
        r('UnicodeEncode', {'input_values': I32([97, 0x20ac, 0x1f600, 98]), 'input_splits': I64([0, 2, 2, 4])}, output_encoding=o)
    r('StringNGrams', {'data': S(b'a', b'b', b'c', b'd', b'e'), 'data_splits': I64([0, 3, 3, 4, 5])}, separator='|', ngram_widths=[2, 3], left_pad='L', right_pad='R', pad_width=-1, preserve_short_sequences=False)
    r('StringNGrams', {'data': S(b'a', b'b', b'c', b'd', b'e'), 'data_splits': I64([0, 3, 3, 4, 5])}, separator=' ', ngram_widths=[2], left_pad='', right_pad='', pad_width=0, preserve_short_sequences=True)
    r('ShardedFilename', {'basename': tf.constant('f'), 'shard': I32(3), 'num_shards': I32(12)})
    r('ShardedFilespec', {'basename': tf.constant('f'), 'num_shards': I32(12)})
    record('strings', 'StringFormat', {'inputs': [I32([1, 2, 3, 4, 5, 6, 7]), F([[1.5, 2], [3, 4]])]}, template='a {} b {} c', placeholder='{}', summarize=2)


def parsing():
    f = tf.train
    feats = [
        dict(x=f.Feature(float_list=f.FloatList(value=[1.5, 2])), n=f.Feature(int64_list=f.Int64List(value=[-7, 2**62])), s=f.Feature(bytes_list=f.BytesList(value=[b'a', b'bc']))),
        dict(x=f.Feature(float_list=f.FloatList(value=[3, 4])), s=f.Feature()),
        dict(x=f.Feature(float_list=f.FloatList(value=[5, 6])), n=f.Feature(int64_list=f.Int64List(value=[1])), extra=f.Feature(int64_list=f.Int64List(value=[1]))),
    ]
    ex = [f.Example(features=f.Features(feature=d)).SerializeToString() for d in feats]
    names = tf.constant([], tf.string)
    sparse = dict(sparse_keys=S(b'n', b's'), num_sparse=2, sparse_types=[tf.int64, tf.string])
    def v2(serialized, dense, defaults, shapes, sparse_keys=S(b'n', b's'), sparse_types=(tf.int64, tf.string), ragged=(), ragged_types=(), splits=()):
        ragged_keys = tf.constant(list(ragged), tf.string)
        record('parsing', 'ParseExampleV2',
               dict(serialized=tf.constant(serialized), names=names, sparse_keys=sparse_keys, dense_keys=tf.constant(dense, tf.string), ragged_keys=ragged_keys, dense_defaults=defaults),
               derived={'Tdense': [d.dtype for d in defaults]},
               num_sparse=len(sparse_types), sparse_types=list(sparse_types), ragged_value_types=list(ragged_types), ragged_split_types=list(splits), dense_shapes=shapes)
    v2(ex, [b'x'], [F([], [0])], [[2]])
    v2(ex, [b'x', b'n'], [F([], [0]), I64([9])], [[2], []], S(b's'), (tf.string,))
    v2(ex[1:], [b'x', b'n'], [F([], [0]), I64([9])], [[2], []], S(b's'), (tf.string,))
    v2(ex, [b'x', b'n'], [F([], [0]), I64([9])], [[2], [1]], S(b's'), (tf.string,))
    v2(ex, [b'n'], [I64(-1, [1])], [[None]], S(b'x'), (tf.float32,))
    v2(ex, [b'y'], [F([0.5, 0.25])], [[2]])
    v2(ex, [b'y'], [F([], [0])], [[2]])
    v2(ex, [b'x'], [I64([], [0])], [[2]])
    v2(ex, [], [], [], S(b's'), (tf.string,), (b'n', b'x'), (tf.int64, tf.float32), (tf.int32, tf.int64))
    v2(ex[0], [b'x'], [F([], [0])], [[2]])
    v2([b'nonsense'], [b'x'], [F([], [0])], [[2]])
    record('parsing', 'ParseExample', dict(serialized=tf.constant(ex), names=names, sparse_keys=[tf.constant('n'), tf.constant('s')], dense_keys=[tf.constant('x')], dense_defaults=[F([], [0])]),
           derived={'Nsparse': 2, 'Ndense': 1, 'Tdense': [tf.float32]}, sparse_types=[tf.int64, tf.string], dense_shapes=[[2]])
    record('parsing', 'ParseSingleExample', dict(serialized=tf.constant(ex[0]), dense_defaults=[F([], [0])]),
           derived={'Tdense': [tf.float32]}, num_sparse=2, sparse_keys=['n', 's'], dense_keys=['x'], sparse_types=[tf.int64, tf.string], dense_shapes=[[2]])
    csv = S(b'1,2.5,"a ""b"", c"', b',,plain', b'-3,1e3,')
    d = [I32([7]), F([0.5]), S(b'none')]
    t = [tf.int32, tf.float32, tf.string]
    record('parsing', 'DecodeCSV', dict(records=csv, record_defaults=d), derived={'OUT_TYPE': t})
    record('parsing', 'DecodeCSV', dict(records=csv, record_defaults=[I32([], [0]), *d[1:]]), derived={'OUT_TYPE': t})
    record('parsing', 'DecodeCSV', dict(records=S(b'a;b;NA'), record_defaults=[S(b'x'), S(b'y')]), derived={'OUT_TYPE': [tf.string] * 2}, field_delim=';', na_value='NA', select_cols=[0, 2])
    record('parsing', 'DecodeCSV', dict(records=S(b'1,2'), record_defaults=d), derived={'OUT_TYPE': t})
    record('parsing', 'DecodeCSV', dict(records=S(b'x,2,3'), record_defaults=d), derived={'OUT_TYPE': t})
    raw = S(b'\x01\x02\x03\x04\x05\x06\x07\x08', b'\x11\x12\x13\x14\x15\x16\x17\x18')
    for dt in [tf.uint8, tf.int16, tf.int32, tf.int64, tf.float32, tf.float64]:
        for little in [True, False]:
            record('parsing', 'DecodeRaw', dict(bytes=raw), out_type=dt, little_endian=little)
    record('parsing', 'DecodeRaw', dict(bytes=S(b'abc')), out_type=tf.int16)
    record('parsing', 'DecodePaddedRaw', dict(input_bytes=S(b'\x01\x02', b'\x01\x02\x03\x04\x05'), fixed_length=I32(4)), out_type=tf.int16)


def sparse():
    r = lambda op, inputs, **a: record('sparse', op, inputs, **a)
    idx = I64([[0, 1], [0, 3], [2, 0], [3, 2]])
    val = F([1, 2, 3, 4])
    shape = I64([5, 4])
    for v in [val, S(b'a', b'b', b'c', b'd'), I64([1, 2, 3, 4])]:
        default = tf.constant(b'-') if v.dtype == tf.string else tf.cast(-1, v.dtype)
        r('SparseToDense', dict(sparse_indices=idx, output_shape=shape, sparse_values=v, default_value=default))
        r('SparseFillEmptyRows', dict(indices=idx, values=v, dense_shape=shape, default_value=default))
        r('SparseConcat', dict(indices=[idx, idx], values=[v, v], shapes=[shape, shape]), concat_dim=1, )
        r('SparseConcat', dict(indices=[idx, idx], values=[v, v], shapes=[shape, shape]), concat_dim=0)
        r('SparseSlice', dict(indices=idx, values=v, shape=shape, start=I64([0, 1]), size=I64([3, 9])))
        r('SparseSplit', dict(split_dim=I64(0), indices=idx, values=v, shape=shape), num_split=2)
    r('SparseToDense', dict(sparse_indices=I64([1, 3]), output_shape=I64([5]), sparse_values=F(2.0), default_value=F(0.0)))
    r('SparseToDense', dict(sparse_indices=I64(2), output_shape=I64([5]), sparse_values=F(2.0), default_value=F(0.0)))
    r('SparseToDense', dict(sparse_indices=I64([3, 1]), output_shape=I64([5]), sparse_values=F(2.0), default_value=F(0.0)))
    r('SparseToDense', dict(sparse_indices=I64([3, 1]), output_shape=I64([5]), sparse_values=F([2.0, 3]), default_value=F(0.0)), validate_indices=False)
    r('SparseToDense', dict(sparse_indices=I64([5]), output_shape=I64([5]), sparse_values=F(2.0), default_value=F(0.0)))
    idx3 = I64([[0, 0], [2, 0], [2, 1]])
    un = I64([[3, 2], [0, 3], [2, 0], [0, 1]])
    r('SparseReorder', dict(input_indices=un, input_values=val, input_shape=shape))
    r('SparseFillEmptyRows', dict(indices=un, values=val, dense_shape=shape, default_value=F(9.0)))
    r('SparseFillEmptyRows', dict(indices=I64([], [0, 2]), values=F([]), dense_shape=I64([2, 3]), default_value=F(9.0)))
    for new in [[2, 10], [4, -1], [20], [2, 2, 5], [-1]]:
        r('SparseReshape', dict(input_indices=idx, input_shape=shape, new_shape=I64(new)))
    r('SparseReshape', dict(input_indices=idx, input_shape=shape, new_shape=I64([3, -1])))
    r('SparseReshape', dict(input_indices=I64([], [0, 2]), input_shape=I64([4, 5]), new_shape=I64([-1, 2])))
    data = F(random.randn(6, 3))
    for kind in ['Sum', 'Mean', 'SqrtN']:
        r('SparseSegment' + kind, dict(data=data, indices=I32([0, 5, 2, 2, 1]), segment_ids=I32([0, 0, 2, 2, 2])))
        r('SparseSegment' + kind + 'WithNumSegments', dict(data=data, indices=I32([0, 5, 2]), segment_ids=I32([0, 0, 2]), num_segments=I32(5)))
        r('SparseSegment' + kind, dict(data=data, indices=I32([], [0]), segment_ids=I32([], [0])))
        r('SparseSegment' + kind, dict(data=data, indices=I32([6]), segment_ids=I32([0])))
    r('SparseSegmentSum', dict(data=I32([[1, 2], [3, 4]]), indices=I32([0, 1, 1]), segment_ids=I32([0, 0, 1])))
    b = F(random.randn(4, 3))
    r('SparseTensorDenseMatMul', dict(a_indices=idx, a_values=val, a_shape=shape, b=b))
    r('SparseTensorDenseMatMul', dict(a_indices=idx, a_values=val, a_shape=shape, b=tf.transpose(b)), adjoint_b=True)
    r('SparseTensorDenseMatMul', dict(a_indices=idx, a_values=val, a_shape=shape, b=F(random.randn(5, 2))), adjoint_a=True)
    for op in ['Add', 'Mul', 'Div']:
        r('SparseDenseCwise' + op, dict(sp_indices=idx, sp_values=val, sp_shape=shape, dense=F(random.randn(5, 4))))
        r('SparseDenseCwise' + op, dict(sp_indices=idx, sp_values=val, sp_shape=shape, dense=F(random.randn(4))))
        r('SparseDenseCwise' + op, dict(sp_indices=idx, sp_values=val, sp_shape=shape, dense=F(random.randn(5, 1))))
    r('SparseTensorDenseAdd', dict(a_indices=idx, a_values=val, a_shape=shape, b=F(random.randn(5, 4))))
    for axes in [[0], [1], [-1, 0], []]:
        for keep in [False, True]:
            r('SparseReduceSum', dict(input_indices=idx, input_values=val, input_shape=shape, reduction_axes=I32(axes, [len(axes)])), keep_dims=keep)
            r('SparseReduceMax', dict(input_indices=idx, input_values=-val, input_shape=shape, reduction_axes=I32(axes, [len(axes)])), keep_dims=keep)
    r('SparseSoftmax', dict(sp_indices=idx, sp_values=val, sp_shape=shape))
    r('SparseAdd', dict(a_indices=idx, a_values=val, a_shape=shape, b_indices=I64([[0, 1], [1, 1], [3, 2]]), b_values=F([1, 0.5, -4]), b_shape=shape, thresh=F(0.1)))
    a, b, n = I64([[0, 0], [0, 1], [2, 0]]), S(b'x', b'y', b'z'), I64([3, 2])
    dense = S(b'p', b'q', b'r', b's', b't', b'u')
    two = dict(indices=[a, idx3], values=[b, I64([7, -8, 9])], shapes=[n, n], dense_inputs=[tf.reshape(dense, [3, 2])])
    types = dict(N=2, sparse_types=[tf.string, tf.int64], dense_types=[tf.string])
    for buckets in [0, 1000]:
        r('SparseCross', two, derived=types, hashed_output=True, num_buckets=buckets, hash_key=0xDECAFCAFFE, out_type=tf.int64, internal_type=tf.int64)
    r('SparseCross', dict(two, values=[b, b]), derived=dict(types, sparse_types=[tf.string, tf.string]), hashed_output=False, num_buckets=0, hash_key=1, out_type=tf.string, internal_type=tf.string)
    r('SparseCrossV2', dict(two, sep=tf.constant('+')), derived=types)
    r('RaggedRange', dict(starts=I32([0, 5, 8]), limits=I32([3, 5, 2]), deltas=I32([1, 1, -2])))
    r('RaggedRange', dict(starts=I32(1), limits=I32([3, 5]), deltas=I32(2)))
    record('sparse', 'RaggedTensorToSparse', dict(rt_nested_splits=[I64([0, 2, 2, 3]), I64([0, 1, 3, 4])], rt_dense_values=F([1, 2, 3, 4])))
    record('sparse', 'RaggedTensorToSparse', dict(rt_nested_splits=[I64([0, 2, 3])], rt_dense_values=F([[1, 2], [3, 4], [5, 6]])))


def wav(samples, rate, channels):
    b = io.BytesIO()
    with wave.open(b, 'wb') as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(samples.astype('<i2').tobytes())
    return b.getvalue()


def audio():
    r = lambda op, inputs, **a: record('audio', op, inputs, **a)
    stereo = wav(random.randint(-32768, 32768, (7, 2)), 8000, 2)
    for ch in [-1, 1, 2, 3]:
        for n in [-1, 4, 10]:
            r('DecodeWav', dict(contents=tf.constant(stereo)), desired_channels=ch, desired_samples=n)
    r('DecodeWav', dict(contents=tf.constant(stereo[:30])))
    r('DecodeWav', dict(contents=tf.constant(b'RIFFxxxxJUNK')))
    r('DecodeWav', dict(contents=tf.constant(stereo[:20] + b'\x03' + stereo[21:])))
    r('EncodeWav', dict(audio=F(random.uniform(-1.2, 1.2, (6, 2))), sample_rate=I32(44100)))
    t = np.arange(400) / 8000
    sound = F(np.stack([np.sin(2 * np.pi * 440 * t), 0.3 * random.randn(400)], 1))
    for window, stride in [(256, 128), (100, 90), (400, 1), (401, 7)]:
        for sq in [False, True]:
            r('AudioSpectrogram', dict(input=sound), window_size=window, stride=stride, magnitude_squared=sq)
    spec = tf.raw_ops.AudioSpectrogram(input=sound, window_size=128, stride=100, magnitude_squared=True)
    r('Mfcc', dict(spectrogram=spec, sample_rate=I32(8000)))
    r('Mfcc', dict(spectrogram=spec, sample_rate=I32(8000)), upper_frequency_limit=3000.0, lower_frequency_limit=100.0, filterbank_channel_count=20, dct_coefficient_count=10)
    r('Mfcc', dict(spectrogram=spec * 0, sample_rate=I32(8000)))


for make in [strings, parsing, sparse, audio]:
    make()
for family, list_ in cases.items():
    with open(os.path.join(here, family + '.golden.json'), 'w') as out:
        out.write('[\n' + ',\n'.join(json.dumps(c, ensure_ascii=True, separators=(',', ':')) for c in list_) + '\n]\n')
    print(family, len(list_), 'cases', sum('error' in c for c in list_), 'refused')

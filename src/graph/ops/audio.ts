import { type OpTable, op } from '../op-def.ts';

/** Sound. As registered in TensorFlow 2.21; one row an op, see op-def.ts for the notation. */
// biome-ignore format: one row an op
export const audioOps = {
  AudioMicrofrontend: op('audio:int16 -> filterbanks:out_type', 'sample_rate:int=16000; window_size:int=25; window_step:int=10; num_channels:int=32; upper_band_limit:float=7500; lower_band_limit:float=125; smoothing_bits:int=10; even_smoothing:float=0.025; odd_smoothing:float=0.06; min_signal_remaining:float=0.05; enable_pcan:bool=false; pcan_strength:float=0.95; pcan_offset:float=80; gain_bits:int=21; enable_log:bool=true; scale_shift:int=6; left_context:int=0; right_context:int=0; frame_stride:int=1; zero_padding:bool=false; out_scale:int=1; out_type:{uint16,float32}=uint16'),
  AudioSpectrogram: op('input:float32 -> spectrogram:float32', 'window_size:int; stride:int; magnitude_squared:bool=false'),
  AudioSummary: op('tag:string, tensor:float32 -> summary:string', 'sample_rate:float; max_outputs:int=3'),
  AudioSummaryV2: op('tag:string, tensor:float32, sample_rate:float32 -> summary:string', 'max_outputs:int=3'),
  DecodeWav: op('contents:string -> audio:float32, sample_rate:int32', 'desired_channels:int=-1; desired_samples:int=-1'),
  EncodeWav: op('audio:float32, sample_rate:int32 -> contents:string'),
  Mfcc: op('spectrogram:float32, sample_rate:int32 -> output:float32', 'upper_frequency_limit:float=4000; lower_frequency_limit:float=20; filterbank_channel_count:int=40; dct_coefficient_count:int=13'),
} as const satisfies OpTable;

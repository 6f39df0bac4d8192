import { InputError } from '@lever/durable-files'
import type { Settings } from '@lever/settings'
import type { OnnxOptions } from '../onnx/open-onnx.ts'
import type { PixelOptions } from '../pixels/processor-config.ts'
import type { Backend } from './backend.ts'
import { parseDtypes } from '../onnx/dtypes.ts'
import type { Devices } from '../devices/devices.ts'
import { decodingSettings, promptSettings, stopsOf, systemOf } from './common-settings.ts'

const own = {
  dtype: {
    type: 'text',
    about: 'dtype of the ONNX files: q4, or one per file as in decoder_model_merged=q4,vision_encoder=fp16',
    default: 'fp32',
  },
  device: {
    type: 'text',
    about:
      'device of the model: cpu, cuda, cuda:1, webgpu, dml, coreml or auto; or several, as in cuda:0,cuda:1',
    default: 'cpu',
  },
  workers: {
    type: 'number',
    about: 'worker threads per device, each with its own copy of the model',
    min: 0,
    whole: true,
    default: 2,
  },
  threads: {
    type: 'number',
    about: 'processor threads per worker; 0 lets the command choose',
    min: 0,
    whole: true,
    default: 0,
  },
  imageCache: {
    type: 'number',
    about: 'disk space for encoded images kept for later runs, in MiB',
    min: 0,
    whole: true,
    default: 0,
  },
} as const

type OnnxSettings = typeof own & typeof promptSettings & typeof decodingSettings

const settings: OnnxSettings = { ...own, ...promptSettings, ...decodingSettings }

/** A model in the ONNX layout of the Hub, run by ONNX Runtime on this machine. */
export const onnx: Backend<OnnxOptions, OnnxSettings> = {
  about: 'a model in the ONNX layout of the Hub, on this machine',
  settings,
  toOptions(
    {
      template,
      system,
      dtype,
      device,
      workers,
      threads,
      maxNewTokens,
      stop,
      postprocess,
      ...given
    }: Settings<OnnxSettings>,
    { model, bundled, metric, onNotice },
  ) {
    const folder = model ?? bundled
    if (folder === undefined) {
      throw new InputError('vqa-model: backend onnx needs a model: a folder, or the id of a downloaded one')
    }
    return {
      ...{
        model: folder,
        device: device as Devices,
        dtype: parseDtypes(dtype),
        workers,
        threads,
        maxNewTokens,
      },
      beams: given.decodingBeams as 1 | 3,
      imageDiskBytes: given.imageCache * 2 ** 20,
      ...stopsOf(stop),
      ...(postprocess !== undefined && { postprocess }),
      ...(template !== undefined && { template }),
      ...systemOf(system),
      pixels: limitsOf(given),
      ...(metric !== undefined && { metric }),
      ...(onNotice && { onNotice }),
    }
  },
  optionNames: {
    model: true,
    template: true,
    system: true,
    device: true,
    dtype: true,
    workers: true,
    threads: true,
    maxNewTokens: true,
    beams: true,
    pixels: true,
    stop: true,
    postprocess: true,
    metric: true,
    sharing: true,
    batchRows: true,
    batchTokens: true,
    kvBytes: true,
    imageBytes: true,
    imageDiskBytes: true,
    cacheFolder: true,
    onNotice: true,
  },
  open: async (options) => (await import('../onnx/open-onnx.ts')).openOnnxModel(options),
  readProtocol: async (options) => (await import('../onnx/open-onnx.ts')).readOnnxProtocol(options),
}

function limitsOf({
  minPixels,
  maxPixels,
}: Pick<Settings<OnnxSettings>, 'minPixels' | 'maxPixels'>): PixelOptions {
  return {
    ...(minPixels !== undefined && { min: minPixels }),
    ...(maxPixels !== undefined && { max: maxPixels }),
  }
}

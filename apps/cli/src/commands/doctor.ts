import type { Progress } from '@lever/terminal'
import type { Downloaded, OneDevice } from '@lever/vqa-model'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { BUNDLED_MODEL } from '../files.ts'
import { version } from '../version.ts'

export const doctor: Command = defineCommand({
  describe:
    'Checks what runs on this machine (Node, packages, execution providers, a model) and says what to install. Downloads models.',
  example: 'lever doctor --download onnx-community/Qwen2.5-VL-3B-Instruct-ONNX --dtype q4',
  options: {
    Model: {
      devices: { type: 'list', about: 'execution providers to try', unset: 'all that ONNX Runtime knows' },
      model: {
        type: 'text',
        about: 'model to try: a folder, or the id of a downloaded model',
        unset: 'the downloaded one, otherwise the bundled model',
      },
      download: {
        type: 'text',
        about:
          'model to download first, by its id on the Hub: organisation/name, or organisation/name@revision',
      },
      dtype: {
        type: 'text',
        about:
          'dtype of the ONNX files: q4, or one per file as in decoder_model_merged=q4,vision_encoder=fp16',
        default: 'fp32',
      },
    },
  },
  interrupted: ({ download }) =>
    download === undefined ? undefined : 'what was downloaded is kept, and the same command continues it',
  async run({ devices, model, download: id, dtype }, { progress, signal }) {
    const { checkMachine, formatHealth, parseDtypes } = await import('@lever/vqa-model')
    const downloaded = id === undefined ? undefined : await download(id, { dtype, progress, signal })
    const stage = progress.stage('trying devices')
    const versions = { '@lever/cli': version() }
    const health = await checkMachine({
      devices: devices as readonly OneDevice[] | undefined,
      ...{ model: model ?? id ?? BUNDLED_MODEL, dtype: parseDtypes(dtype), versions },
    })
    stage.end()
    return {
      json: { ...health, ...(downloaded && { downloaded }) },
      text: [
        ...(downloaded === undefined ? [] : [...describeDownload(downloaded), '']),
        formatHealth(health),
        '',
        health.ok ? 'Everything that the demo needs works. Try: lever demo' : 'The demo cannot run here yet.',
      ].join('\n'),
      exitCode: health.ok ? 0 : 1,
    }
  },
})

async function download(
  id: string,
  { dtype, progress, signal }: { dtype: string; progress: Progress; signal: AbortSignal },
): Promise<Downloaded> {
  const { downloadModel, parseDtypes } = await import('@lever/vqa-model')
  const stage = progress.stage('download', { unit: 'MB' })
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10
  const downloaded = await downloadModel({
    ...{ id, signal, dtype: parseDtypes(dtype) },
    onProgress(done, total, file) {
      stage.expect(megabytes(total))
      stage.update(megabytes(done), file)
    },
  })
  stage.end('complete and checked')
  return downloaded
}

function describeDownload({ id, commit, path, bytes, files }: Downloaded): string[] {
  const fetched = files.filter((file) => file.fetched).length
  return [
    `${id} at commit ${commit.slice(0, 12)}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, ` +
      (fetched === 0 ? 'all there already' : `${fetched} downloaded`),
    `  in ${path}`,
  ]
}

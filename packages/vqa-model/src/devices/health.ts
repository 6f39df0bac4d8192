import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { formatTable } from '@lever/terminal'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Dtypes } from '../onnx/dtypes.ts'
import type { OneDevice } from './devices.ts'
import { probeDevices, type DeviceReport } from './probe.ts'

/** What works on a machine. */
export interface Health {
  /** The CPU provider works and the model opens. */
  readonly ok: boolean
  readonly node: string
  readonly platform: string
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly versions: Readonly<Record<string, string>>
  readonly devices: readonly DeviceReport[]
  readonly model: {
    readonly path: string
    readonly ok: boolean
    readonly detail: string
    readonly remedy: string
  }
}

const PACKAGES = ['onnxruntime-node', '@huggingface/transformers', 'sharp']

/** What of a machine is tried. */
export interface CheckMachineOptions {
  /** Default: all that ONNX Runtime knows. */
  readonly devices?: readonly OneDevice[] | undefined
  /** A folder, or the id of a downloaded model. */
  readonly model: string
  /** Dtype of the ONNX files of the model. */
  readonly dtype: Dtypes
  /** Versions of the caller's own packages, listed first. */
  readonly versions?: Readonly<Record<string, string>>
}

const CHECK_MACHINE_OPTIONS: OptionNames<CheckMachineOptions> = {
  devices: true,
  model: true,
  dtype: true,
  versions: true,
}

/** Tries every device in a process of its own, and opens the model. */
export async function checkMachine(options: CheckMachineOptions): Promise<Health> {
  refuseUnknownOptions(options, CHECK_MACHINE_OPTIONS, 'vqa-model: checkMachine')
  const { devices, model, dtype, versions = {} } = options
  const reports = await probeDevices(devices)
  const opened = await tryModel(model, dtype)
  const cpu = reports.find(({ device }) => device === 'cpu')
  return {
    ok: (cpu === undefined || cpu.status === 'ok') && opened.ok,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    versions: {
      ...versions,
      ...(Object.fromEntries(
        await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)])),
      ) as Record<string, string>),
    },
    devices: reports,
    model: opened,
  }
}

/** The findings as text, with what can be done about what does not work. */
export function formatHealth(health: Health): string {
  const { node, platform, processor, cores, memoryGiB, versions, devices, model } = health
  const remedies = devices.flatMap(({ device, status, remedy }) =>
    status === 'failed' ? [`${device}: ${remedy}`] : [],
  )
  const reasons = devices.flatMap(({ device, status, detail }) =>
    status === 'failed' ? [`${device}: ${detail}`] : [],
  )
  if (!model.ok) remedies.push(`model: ${model.remedy}`)
  return [
    `Node ${node}, ${platform}, ${cores} cores (${processor}), ${memoryGiB} GiB`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    '',
    formatTable(
      devices.map(({ device, status, milliseconds, checks }) => [
        device,
        status === 'ok' ? 'works' : status === 'absent' ? 'not for this platform' : 'does not work',
        describeChecks(checks),
        status === 'ok' ? `${milliseconds} ms` : '',
      ]),
      { left: 3 },
    ),
    ...(reasons.length > 0
      ? ['', 'What does not work, and why:', ...reasons.map((line) => `  ${line}`)]
      : []),
    '',
    `model ${model.path}: ${model.ok ? 'works' : 'does not work'}${model.detail && ` (${model.detail})`}`,
    ...(remedies.length > 0 ? ['', 'To do, if you want it:', ...remedies.map((line) => `  ${line}`)] : []),
  ].join('\n')
}

/** What was tried, and which of it failed. */
function describeChecks(checks: DeviceReport['checks']): string {
  const names = (failed: boolean): string =>
    checks.flatMap(({ name, detail }) => ((detail !== '') === failed ? [name] : [])).join(', ')
  const failed = names(true)
  const passed = names(false)
  if (passed === '' || failed === '') return passed
  return `${passed}; not ${failed}`
}

async function tryModel(model: string, dtype: Dtypes): Promise<Health['model']> {
  try {
    const { isEmbedderModel } = await import('../embed/clip.ts')
    const { openEmbedder } = await import('../embed/index.ts')
    const { openVqaModel } = await import('../open-model.ts')
    const opened = (await isEmbedderModel(model))
      ? await openEmbedder({ embedder: 'clip', model })
      : await openVqaModel({ backend: 'onnx', model, dtype, workers: 0 })
    await opened.close()
    return { path: model, ok: true, detail: '', remedy: '' }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const remedy = 'give a folder in the ONNX layout of the Hub with --model, or an id with --download'
    return { path: model, ok: false, detail, remedy }
  }
}

async function versionOf(name: string): Promise<string> {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name))
    for (;;) {
      const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
      if ((JSON.parse(text) as { name?: string }).name === name) return read(text)
      if (dirname(folder) === folder) return 'not found'
      folder = dirname(folder)
    }
  } catch {
    return 'not found'
  }
}

function read(manifest: string): string {
  return (JSON.parse(manifest) as { version?: string }).version ?? 'unknown'
}

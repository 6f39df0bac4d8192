import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { DeviceReport, Downloaded } from '@lever/vqa-model'
import { formatTable } from '@lever/terminal'

/** What `lever doctor` found. */
export interface Health {
  /** The CPU provider works and the model answers: everything can run. */
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

const PACKAGES = ['@lever/cli', 'onnxruntime-node', '@huggingface/transformers', 'yargs', 'yaml']

/** Tries every device in a process of its own, and opens the model. */
export async function checkMachine({
  devices,
  model,
  dtype,
}: {
  devices: readonly string[] | undefined
  model: string
  dtype: string
}): Promise<Health> {
  const { probeDevices } = await import('@lever/vqa-model')
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
    versions: Object.fromEntries(
      await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)])),
    ) as Record<string, string>,
    devices: reports,
    model: opened,
  }
}

export function formatHealth(health: Health, downloaded?: Downloaded): string {
  const { node, platform, processor, cores, memoryGiB, versions, devices, model } = health
  const remedies = devices.flatMap(({ device, status, remedy }) =>
    status === 'failed' ? [`${device}: ${remedy}`] : [],
  )
  const reasons = devices.flatMap(({ device, status, detail }) =>
    status === 'failed' ? [`${device}: ${detail}`] : [],
  )
  if (!model.ok) remedies.push(`model: ${model.remedy}`)
  return [
    ...(downloaded === undefined ? [] : [...describeDownload(downloaded), '']),
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
    '',
    health.ok ? 'Everything that the demo needs works. Try: lever demo' : 'The demo cannot run here yet.',
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

function describeDownload({ id, commit, path, bytes, files }: Downloaded): string[] {
  const fetched = files.filter((file) => file.fetched).length
  return [
    `${id} at commit ${commit.slice(0, 12)}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, ` +
      (fetched === 0 ? 'all there already' : `${fetched} downloaded`),
    `  in ${path}`,
  ]
}

async function tryModel(model: string, dtype: string): Promise<Health['model']> {
  try {
    const { isEmbedderModel, openEmbedder, openVqaModel } = await import('@lever/vqa-model')
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
  const own = new URL('../../../package.json', import.meta.url)
  try {
    if (name === '@lever/cli') return read(await readFile(own, 'utf8'))
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

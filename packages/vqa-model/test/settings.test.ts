import { expect, test } from '@jest/globals'
import type { Setting } from '@lever/settings'
import { backendSettings, backendNames } from '../src/backends.ts'
import * as BACKENDS from '../src/backends/index.ts'
import { modelOptions } from '../src/index.ts'

const context = { model: 'the-model', bundled: '/bundled', metric: 'vqa-loo', env: { LEVER_API_KEY: 'key' } }

/** Another valid value than the default. */
function other(setting: Setting): unknown {
  switch (setting.type) {
    case 'flag':
      return setting.default !== true
    case 'number':
      return setting.default === setting.max ? setting.min : (setting.default ?? 0) + 1
    case 'numbers':
      return [1]
    case 'list':
      return ['http://elsewhere/v1']
    case 'text':
      return setting.about.startsWith('JSON') ? '{"a":1}' : 'another'
  }
}

const declared = backendNames.flatMap((backend) =>
  Object.entries<Setting>(BACKENDS[backend].settings).map(
    ([name, setting]) => [backend, name, setting] as const,
  ),
)

test.each(declared)('%s: %s changes the options of the model or is refused', (backend, name, setting) => {
  const plain = modelOptions(backend, {}, context)
  let changed: unknown
  try {
    changed = modelOptions(backend, { [name]: other(setting) }, context)
  } catch (error) {
    expect(error).toMatchObject({ code: 'LEVER_INPUT' })
    return
  }
  expect(changed).not.toEqual(plain)
})

test('a setting says which backends take it, and is the same in all of them', () => {
  expect(Object.keys(backendSettings).sort()).toEqual([...new Set(declared.map(([, name]) => name))].sort())
  for (const [backend, name, setting] of declared) {
    const merged: Setting = backendSettings[name as keyof typeof backendSettings]
    expect(merged.onlyWith?.['backend'] ?? backendNames).toContain(backend)
    expect(merged).toMatchObject(setting)
  }
})

test('defaults, and what is given besides the settings', () => {
  expect(modelOptions('onnx', {}, { bundled: '/bundled' })).toMatchObject({
    ...{ backend: 'onnx', model: '/bundled', device: 'cpu', dtype: 'fp32', workers: 2, maxNewTokens: 5 },
  })
  expect(modelOptions('openai', { baseUrl: ['http://x/v1'] }, context)).toMatchObject({
    ...{ model: 'the-model', apiKey: 'key', timeout: 120_000, concurrency: 64, metric: 'vqa-loo' },
  })
  expect(() => modelOptions('onnx', {}, {})).toThrow(/needs a model/)
  // @ts-expect-error the compiler refuses it too
  expect(() => modelOptions('vllm', {}, context)).toThrow(/choose one of onnx, openai, scripted/)
})

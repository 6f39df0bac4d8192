import type { Setting } from '@lever/settings'
import { backendSettings, type BackendSchema } from '@lever/vqa-model/backends'
import { modelOptions } from './model.ts'

const LOCAL = [
  'device',
  'dtype',
  'threads',
  'maxNewTokens',
  'decodingBeams',
  'minPixels',
  'maxPixels',
] as const

type LocalSchema = Pick<BackendSchema, (typeof LOCAL)[number]> & Pick<typeof modelOptions, 'model'>

const notWith = { upstream: 'the upstream answers; leave it out' }

/** The options of the model that answers in the server itself. */
export const localModelOptions: LocalSchema = Object.fromEntries([
  ['model', { ...modelOptions.model, notWith }],
  ...LOCAL.map((name) => {
    const setting: Setting = { ...backendSettings[name], onlyWith: {}, notWith }
    return [name, setting]
  }),
]) as LocalSchema

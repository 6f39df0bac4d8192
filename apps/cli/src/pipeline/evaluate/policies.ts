import { dirname, join, resolve } from 'node:path'
import { hashFile, InputError } from '@lever/durable-files'
import type { Example, Selector } from '@lever/icl-eval'
import type { Decoding, PointerModel } from '@lever/pointer-model'
import type { VqaModel } from '@lever/vqa-model'
import { exists, readJson, requirePath } from '../../files.ts'
import type { Option } from '../../options.ts'
import { list, number } from '../../options.ts'
import type { Inputs } from '../inputs/inputs.ts'
import { readPolicy, selectorOf } from '../policy/policy.ts'
import { checkPolicyName } from './selection.ts'

/** The options that name the policies of an evaluation. */
export const policiesOptions: {
  readonly policies: Option<readonly string[]>
  readonly 'policy-decoding': Option<readonly Decoding[]>
  readonly 'beam-size': Option<number>
  readonly 'training-data': Option<readonly string[] | undefined>
} = {
  policies: list('checkpoints, NAME=FILE each; a row NAME each', {
    default: [],
    aliases: ['policy', 'checkpoints'],
  }),
  'policy-decoding': list<Decoding>(
    'how policies choose: greedy (the likeliest next one), beam (the likeliest sequence found); with both, rows NAME and NAME-beam',
    { default: ['greedy'], choices: ['greedy', 'beam'] },
  ),
  'beam-size': number('sequences that beam search keeps', {
    default: 5,
    min: 1,
    whole: true,
    aliases: ['num-beams'],
  }),
  'training-data': list(
    'RL data that policies were trained on; their images must not be those of questions',
    {
      shown: 'as the run directory of the checkpoint says',
      commas: false,
    },
  ),
}

export interface PoliciesSettings {
  /** `NAME=FILE` each. */
  readonly policies: readonly string[]
  readonly policyDecoding: readonly Decoding[]
  readonly beamSize: number
  readonly trainingData: readonly string[] | undefined
  readonly seed: number
}

/** A policy that is evaluated. */
export interface PolicyRow {
  readonly name: string
  readonly file: string
  readonly hash: string
  readonly model: PointerModel
  readonly protocolHash: string | undefined
  /** Hash of the data that it was trained on. */
  readonly dataHash: string | undefined
}

/** @throws InputError for a policy that is broken, has no name, or does not fit the embeddings */
export async function readPolicies(
  {
    policies,
    policyDecoding: decoding,
    seed,
  }: Pick<PoliciesSettings, 'policies' | 'policyDecoding' | 'seed'>,
  { features }: Pick<Inputs, 'features'>,
): Promise<PolicyRow[]> {
  const rows: PolicyRow[] = []
  for (const given of policies) {
    const [, name = '', file = ''] = /^([^=/]+)=(.+)$/.exec(given) ?? []
    if (name === '')
      throw new InputError(`--policies: "${given}" is not NAME=FILE; write pointer-rce=${given}, for example`)
    await checkPolicyName(name)
    const names = rows.flatMap((row) => rowNames(row.name, decoding))
    if (rowNames(name, decoding).some((one) => names.includes(one)))
      throw new InputError(`--policies: the name ${name} is given twice; rename one`)
    if (features === undefined)
      throw new InputError('--policies need embeddings; give --embeddings (make them with lever embed)')
    await requirePath(file, '--policies')
    const choice = { policy: file, architecture: '', hidden: undefined }
    const { model, info } = await readPolicy(choice, features.candidates.dim, seed)
    rows.push({
      name,
      file,
      hash: await hashFile(file),
      model,
      protocolHash: info.protocolHash,
      dataHash: info.dataHash,
    })
  }
  return rows
}

/** The rows of a policy: one per way of decoding. */
function rowNames(name: string, decoding: readonly Decoding[]): string[] {
  return decoding.map((how) => (how === 'beam' && decoding.length > 1 ? `${name}-beam` : name))
}

/** Opens policies as selectors; `close` gets what is to be closed after use. */
export async function openPolicies(
  policies: readonly PolicyRow[],
  { policyDecoding: decoding, beamSize }: Pick<PoliciesSettings, 'policyDecoding' | 'beamSize'>,
  features: Inputs['features'],
  close: (() => Promise<void>)[],
): Promise<Selector[]> {
  const { byIds, openPolicy } = await import('@lever/pointer-model')
  const selectors: Selector[] = []
  for (const { name, model } of policies) {
    const policy = await openPolicy(model)
    close.push(() => policy.close())
    const names = rowNames(name, decoding)
    for (const [i, how] of decoding.entries()) {
      selectors.push(await selectorOf(names[i]!, byIds(policy, features!), { decoding: how, beamSize }))
    }
  }
  return selectors
}

/** @throws InputError when a policy's rewards were measured under another protocol */
export function checkProtocol(
  { file, protocolHash }: PolicyRow,
  model: Pick<VqaModel, 'protocolHash'>,
  allowed: boolean,
): void {
  if (allowed || protocolHash === undefined || protocolHash === model.protocolHash) return
  throw new InputError(
    `${file} was trained on rewards of another protocol (${protocolHash.slice(0, 12)}, here ${model.protocolHash.slice(0, 12)}): another model, prompt, decoding or metric; use that one, or --allow-protocol-mismatch`,
  )
}

/** What policies were trained on, as far as it is known. */
export interface TrainedOn {
  /** The questions of the data, with their images. */
  readonly examples: readonly Example[]
  readonly files: readonly string[]
  /** Names of policies whose data is unknown. */
  readonly unknown: readonly string[]
}

/**
 * Reads the questions that policies were trained on: from the data that is given, else from the data that the run
 * directory of a checkpoint names.
 */
export async function trainedOn(
  policies: readonly Pick<PolicyRow, 'name' | 'file'>[],
  given: readonly string[] | undefined,
): Promise<TrainedOn> {
  const unknown: string[] = []
  const files = new Set<string>(given?.map((file) => resolve(file)))
  for (const file of given ?? []) await requirePath(file, '--training-data')
  for (const { name, file } of given === undefined ? policies : []) {
    const found = await dataOf(file)
    if (found.length === 0) unknown.push(name)
    for (const one of found) files.add(one)
  }
  const examples: Example[] = []
  for (const file of files) examples.push(...(await questionsOf(file)))
  return { examples, files: [...files], unknown }
}

/** RL data that the run directory around a checkpoint was made from, or holds. */
async function dataOf(checkpoint: string): Promise<string[]> {
  let folder = dirname(resolve(checkpoint))
  for (let up = 0; up < 3; up++, folder = dirname(folder)) {
    const manifest = join(folder, 'manifest.json')
    if (!(await exists(manifest))) continue
    const { rlData } = (await readJson(manifest)) as { rlData?: unknown }
    const named = Array.isArray(rlData) ? rlData.map(String) : [join(folder, 'rl-data.json')]
    const found = await Promise.all(named.map((file) => exists(file)))
    return found.every(Boolean) ? named : []
  }
  return []
}

async function questionsOf(file: string): Promise<Example[]> {
  const { openRlFile } = await import('@lever/rl-dataset/node')
  const source = openRlFile(file)
  try {
    return Array.from(source.queries(), ({ query_id: id, query }) => ({
      id,
      imageId: query.image_id ?? null,
      question: '',
      answer: '',
      answers: [],
    }))
  } finally {
    source.close()
  }
}

import { InputError } from '@lever/durable-files'
import type { EvaluatedPolicy } from '@lever/icl-eval'
import type { Decoding, PointerModel } from '@lever/pointer-model'
import { requirePath } from '../../files.ts'
import type { Inputs } from '../inputs/inputs.ts'
import { readPolicy } from '../policy/policy.ts'

export interface PoliciesSettings {
  /** `NAME=FILE` each. */
  readonly policies: readonly string[]
  readonly policyDecoding: readonly Decoding[]
  readonly beamSize: number
  readonly trainingData: readonly string[] | undefined
  readonly seed: number
}

/** A policy that is read and not open yet. */
export interface PolicyRow extends Omit<EvaluatedPolicy, 'selectors'> {
  readonly model: PointerModel
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
  const { checkPolicyName } = await import('@lever/icl-eval')
  const { isFromAgreement, isUntrained } = await import('@lever/pointer-model')
  const rows: PolicyRow[] = []
  for (const given of policies) {
    const [, name = '', file = ''] = /^([^=/]+)=(.+)$/.exec(given) ?? []
    if (name === '')
      throw new InputError(`--policies: "${given}" is not NAME=FILE; write pointer-rce=${given}, for example`)
    checkPolicyName(name)
    const names = rows.flatMap((row) => rowNames(row.name, decoding))
    if (rowNames(name, decoding).some((one) => names.includes(one)))
      throw new InputError(`--policies: the name ${name} is given twice; rename one`)
    if (features === undefined)
      throw new InputError('--policies need embeddings; give --embeddings (make them with lever embed)')
    await requirePath(file, '--policies')
    const choice = { policy: file, architecture: undefined, hidden: undefined }
    const { model, info, hash, floor } = await readPolicy(choice, features.candidates, seed)
    const { by, name: chosen } = info.selection ?? {}
    rows.push({
      name,
      file,
      hash: hash!,
      model: { ...model, ...(floor && { floor }) },
      notBetterThan: by === 'baseline' || by === 'start' ? chosen : undefined,
      protocolHash: info.protocolHash,
      dataHash: info.dataHash,
      untrained: isUntrained(info),
      fromAgreement: isFromAgreement(info),
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
): Promise<EvaluatedPolicy[]> {
  const { policySelector } = await import('@lever/icl-eval')
  const { architectureOf, byIds, openPolicy } = await import('@lever/pointer-model')
  const opened: EvaluatedPolicy[] = []
  for (const { model, ...row } of policies) {
    const policy = await openPolicy(model)
    close.push(() => policy.close())
    const names = rowNames(row.name, decoding)
    const { stops = false } = architectureOf(model.architecture)
    const asked = { policy: byIds(policy, features!), width: beamSize, stops }
    const selectors = decoding.map((how, i) => policySelector({ ...asked, name: names[i]!, decoding: how }))
    opened.push({ ...row, selectors })
  }
  return opened
}

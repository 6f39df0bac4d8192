import { dirname, join, resolve } from 'node:path'
import { exists, InputError, readJson, requirePath } from '@lever/durable-files'
import { openRlFile } from '@lever/rl-dataset/node'
import type { Selector } from '../selectors/types.ts'
import type { Example } from '../types.ts'

/** A trained policy that is evaluated. */
export interface EvaluatedPolicy {
  readonly name: string
  /** Path of the checkpoint. */
  readonly file: string
  /** SHA-256 of the checkpoint. */
  readonly hash: string
  /** Of the rewards that it was trained on. */
  readonly protocolHash?: string | undefined
  /** Hash of the data that it was trained on. */
  readonly dataHash?: string | undefined
  /** No training changed it: its parameters are those that it began with. */
  readonly untrained?: boolean | undefined
  /** It was trained on agreement alone, without a measured reward. */
  readonly fromAgreement?: boolean | undefined
  /** What its checkpoint chooses by, where its training found nothing better: a baseline, or the policy it started from. */
  readonly notBetterThan?: string | undefined
  /** The policy as selectors, a row each: one for every way of decoding. */
  readonly selectors: readonly Selector[]
}

/** @throws InputError if a policy's rewards were measured under another protocol, unless that is allowed */
export function checkProtocol(
  policies: readonly Pick<EvaluatedPolicy, 'file' | 'protocolHash'>[],
  protocol: string,
  allowed: boolean,
): void {
  for (const { file, protocolHash } of policies) {
    if (allowed || protocolHash === undefined || protocolHash === protocol) continue
    throw new InputError(
      `${file} was trained on rewards of another protocol (${protocolHash.slice(0, 12)}, here ${protocol.slice(0, 12)}): another model, prompt, decoding or metric; use that one, or --allow-protocol-mismatch`,
    )
  }
}

/** What a reader must know of policies that no training changed, or that stand for something else. */
export function untrainedWarnings(
  policies: readonly Pick<EvaluatedPolicy, 'name' | 'file' | 'untrained' | 'notBetterThan'>[],
): string[] {
  return policies.flatMap(({ name, file, untrained, notBetterThan }) => {
    if (notBetterThan !== undefined) {
      return [
        `${name} chooses by ${notBetterThan} (${file}): its training found nothing better on its validation queries, so it shows no gain of training`,
      ]
    }
    if (untrained !== true) return []
    return [
      `${name} is an untrained policy (${file}): no epoch of its training was better than its start, so its choices are those of random parameters`,
    ]
  })
}

/**
 * What to say about the row `agreement`, the policy that costs no prompt and that others are compared with.
 * @throws InputError if a policy of that name was not trained on agreement
 */
export function agreementNotices(
  policies: readonly Pick<EvaluatedPolicy, 'name' | 'file' | 'fromAgreement'>[],
): string[] {
  const impostor = policies.find(({ name, fromAgreement }) => name === 'agreement' && fromAgreement !== true)
  if (impostor !== undefined) {
    throw new InputError(
      `--policies: agreement is the baseline that lever sft --target agreement trains, and ${impostor.file} was not trained so; give it another name`,
    )
  }
  const others = policies.filter(({ name }) => name !== 'agreement')
  const same = others.find(({ fromAgreement }) => fromAgreement === true)
  if (same !== undefined) {
    return [
      `${same.name} was trained on agreement; call it agreement (--policies agreement=${same.file}) and it stands among the baselines`,
    ]
  }
  if (others.length === 0 || others.length < policies.length) return []
  return [
    'agreement is not among the baselines: a policy trained on labels that cost no prompt, which rewards that were paid for should beat (lever sft --target agreement, then --policies agreement=FILE)',
  ]
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
 * Reads the questions that policies were trained on: from the RL data that is given, else from the data that the run
 * directory of a checkpoint names.
 * @throws InputError if a given file is not there or is not RL data
 */
export async function readTrainedOn(
  policies: readonly Pick<EvaluatedPolicy, 'name' | 'file'>[],
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
  return { examples: [...files].flatMap(questionsOf), files: [...files], unknown }
}

/** Folders above a checkpoint in which its run directory is looked for. */
const FOLDERS_ABOVE = 3

/** RL data that the run directory around a checkpoint was made from, or holds. */
async function dataOf(checkpoint: string): Promise<string[]> {
  let folder = dirname(resolve(checkpoint))
  for (let up = 0; up < FOLDERS_ABOVE; up++, folder = dirname(folder)) {
    const manifest = join(folder, 'manifest.json')
    if (!(await exists(manifest))) continue
    const { rlData } = (await readJson(manifest)) as { rlData?: unknown }
    const named = Array.isArray(rlData) ? rlData.map(String) : [join(folder, 'rl-data.json')]
    const found = await Promise.all(named.map((file) => exists(file)))
    return found.every(Boolean) ? named : []
  }
  return []
}

function questionsOf(file: string): Example[] {
  const source = openRlFile(file)
  try {
    return Array.from(source.queries(), ({ query_id: id, query }) => ({
      id,
      questionId: query.question_id ?? id,
      imageId: query.image_id ?? null,
      question: '',
      answer: '',
      answers: [],
    }))
  } finally {
    source.close()
  }
}

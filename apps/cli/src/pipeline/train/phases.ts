import { InputError } from '@lever/durable-files'
import type { ObjectiveName, PhaseOptions } from '@lever/grpo-trainer'
import { nearest } from '@lever/settings'

type Value = string | number | boolean | null

/** Where the value of a flag goes: a field of the phases of an objective (`*`: of all), or an option of the objective. */
interface Target {
  readonly objective: ObjectiveName | '*'
  readonly field?: keyof PhaseOptions
  readonly option?: string
  /** What the flag stands for when it is set; the value itself without. */
  readonly value?: Value | readonly string[]
}

const TARGETS: Readonly<Record<string, Target>> = {
  rceEpochs: { objective: 'rce', field: 'epochs' },
  rceLr: { objective: 'rce', field: 'learningRate' },
  rceTempStart: { objective: 'rce', option: 'temperatureStart' },
  rceTempEnd: { objective: 'rce', option: 'temperatureEnd' },
  rceUseRawReward: { objective: 'rce', option: 'reward', value: 'raw' },
  rceUseNormalizedReward: { objective: 'rce', option: 'reward', value: 'normalized' },
  useTop1Only: { objective: 'rce', option: 'top1', value: 'best' },
  listwiseEpochs: { objective: 'listwise', field: 'epochs' },
  listwiseLr: { objective: 'listwise', field: 'learningRate' },
  listwiseTemp: { objective: 'listwise', option: 'temperatureStart' },
  grpoEpochs: { objective: 'grpo', field: 'epochs' },
  grpoLr: { objective: 'grpo', field: 'learningRate' },
  klBeta: { objective: 'grpo', option: 'beta' },
  disableAdaptiveKl: { objective: 'grpo', option: 'adaptiveKl', value: 'never' },
  usePpoClipOnly: { objective: 'grpo', option: 'beta', value: 0 },
  clipEpsilon: { objective: 'grpo', option: 'clipLow' },
  numIterations: { objective: 'grpo', option: 'numIterations' },
  importanceSamplingMode: { objective: 'grpo', option: 'behaviour' },
  importanceSamplingCap: { objective: 'grpo', option: 'behaviourCap' },
  freezeBackbone: {
    objective: 'grpo',
    field: 'freeze',
    value: ['input_proj.*', 'query_proj.*', 'cand_proj.*'],
  },
  batchSize: { objective: '*', field: 'batchSize' },
  dropout: { objective: '*', field: 'dropout' },
  weightDecay: { objective: '*', field: 'weightDecay' },
  clipNorm: { objective: '*', field: 'clipNorm' },
  schedule: { objective: '*', field: 'schedule' },
  warmup: { objective: '*', field: 'warmup' },
  patience: { objective: '*', field: 'patience' },
}

/** Flags that set a second option too. */
const TOGETHER: Readonly<Record<string, Target>> = {
  listwiseTemp: { objective: 'listwise', option: 'temperatureEnd' },
  clipEpsilon: { objective: 'grpo', option: 'clipHigh' },
}

const FIELDS: readonly (keyof PhaseOptions)[] = [
  'epochs',
  'learningRate',
  'schedule',
  'warmup',
  'batchSize',
  'dropout',
  'attentionDropout',
  'weightDecay',
  'clipNorm',
  'freeze',
  'dropFlat',
  'patience',
  'average',
  'startFrom',
]

/**
 * The phases of a preset with what the flags change. A phase that a flag names and the preset lacks is added, without epochs
 * unless they are given.
 * @throws InputError for flags that exclude each other, and for settings that do not exist
 */
export function phasesOf(
  preset: readonly PhaseOptions[],
  values: Readonly<Record<string, unknown>>,
  names: readonly ObjectiveName[],
): PhaseOptions[] {
  refuseContradictions(values)
  let phases: PhaseOptions[] = [...preset]
  for (const table of [TARGETS, TOGETHER]) {
    for (const [name, target] of Object.entries(table)) {
      const value = values[name]
      if (value === undefined || value === false) continue
      phases = apply(phases, target, target.value ?? (value as Value), names)
    }
  }
  const smoothing = values['labelSmoothing'] as number | undefined
  if (smoothing !== undefined) {
    const smoothed = phases.flatMap(({ objective }) => (SMOOTHED.includes(objective) ? [objective] : []))
    if (smoothed.length === 0 && smoothing > 0) {
      throw new InputError('--label-smoothing is of RCE and SFT, and there is no such phase; leave it out')
    }
    for (const objective of smoothed)
      phases = apply(phases, { objective, option: 'labelSmoothing' }, smoothing, names)
  }
  for (const setting of (values['set'] ?? []) as readonly string[]) {
    phases = apply(phases, ...parseSetting(setting, names), names)
  }
  refuseWithoutEffect(values, phases.find(({ objective }) => objective === 'grpo')?.options ?? {})
  return phases
}

const SMOOTHED: readonly ObjectiveName[] = ['rce', 'sft']

function refuseContradictions(values: Readonly<Record<string, unknown>>): void {
  if (values['rceUseRawReward'] === true && values['rceUseNormalizedReward'] === true) {
    throw new InputError('--rce-use-raw-reward and --rce-use-normalized-reward exclude each other; give one')
  }
  const { klBeta, clipEpsilon } = values as { klBeta?: number; clipEpsilon?: number }
  if (values['usePpoClipOnly'] === true && klBeta !== undefined && klBeta > 0) {
    throw new InputError(
      `--use-ppo-clip-only leaves out the KL term that --kl-beta ${klBeta} asks for; give one of them`,
    )
  }
  if (clipEpsilon !== undefined && clipEpsilon >= 1) {
    throw new InputError(
      `--clip-epsilon is ${clipEpsilon}; give a number below 1: the ratio is clipped to 1 - epsilon .. 1 + epsilon and is never below 0 (a higher upper bound alone: --set grpo.clipHigh=${clipEpsilon})`,
    )
  }
}

/** @throws InputError for flags of GRPO that its other options (in `grpo`, where they are not the defaults) make void */
function refuseWithoutEffect(
  values: Readonly<Record<string, unknown>>,
  { beta, oldPolicy = 'epoch', behaviour = 'none' }: NonNullable<PhaseOptions['options']>,
): void {
  if (values['usePpoClipOnly'] === true && beta !== 0) {
    throw new InputError(
      `--use-ppo-clip-only leaves out the KL term that grpo.beta=${String(beta)} asks for; give one of them`,
    )
  }
  if (Number(values['numIterations'] ?? 1) > 1 && oldPolicy !== 'epoch') {
    throw new InputError(
      `--num-iterations counts the epochs against an old policy that is taken anew, and grpo.oldPolicy is ${String(oldPolicy)}; give --set grpo.oldPolicy=epoch, or leave it out`,
    )
  }
  if (values['importanceSamplingCap'] !== undefined && behaviour === 'none') {
    throw new InputError(
      '--importance-sampling-cap has no effect without --importance-sampling-mode truncate or mask; give it too',
    )
  }
}

function parseSetting(setting: string, names: readonly ObjectiveName[]): [Target, Value | readonly string[]] {
  const [, phase = '', key = '', text = ''] = /^([\w-]+|\*)\.(\w+)=(.*)$/.exec(setting) ?? []
  const objective = phase === '*' ? '*' : names.find((name) => name === phase)
  if (objective === undefined) {
    const near = nearest(phase, names)
    throw new InputError(
      `--set: "${setting}" is not PHASE.KEY=VALUE with PHASE one of ${names.join(', ')}, *${near === undefined ? '' : `; did you mean ${near}?`}`,
    )
  }
  const field = FIELDS.find((name) => name === key)
  const value = key === 'freeze' ? text.split('+') : valueOf(text)
  return [field === undefined ? { objective, option: key } : { objective, field }, value]
}

function valueOf(text: string): Value {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

function apply(
  phases: readonly PhaseOptions[],
  { objective, field, option }: Target,
  value: Value | readonly string[],
  names: readonly ObjectiveName[],
): PhaseOptions[] {
  const isThere = objective === '*' || phases.some((phase) => phase.objective === objective)
  const all = isThere ? phases : insert(phases, { objective, epochs: 0 }, names)
  return all.map((phase) => {
    if (objective !== '*' && phase.objective !== objective) return phase
    if (field !== undefined) return { ...phase, [field]: value }
    return { ...phase, options: { ...phase.options, [option!]: value as Value } }
  })
}

function insert(
  phases: readonly PhaseOptions[],
  added: PhaseOptions,
  names: readonly ObjectiveName[],
): PhaseOptions[] {
  const order = (phase: PhaseOptions): number => names.indexOf(phase.objective)
  return [...phases, added].sort((a, b) => order(a) - order(b))
}

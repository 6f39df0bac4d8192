import { InputError } from '@lever/durable-files'
import type { ObjectiveName, PhaseOptions } from '@lever/grpo-trainer'
import { nearest } from '../../names.ts'
import type { Option } from '../../options.ts'
import { choice, flag, list, number } from '../../options.ts'

type Value = string | number | boolean | null

/** Where the value of a flag goes: a field of the phases of an objective (`*`: of all), or an option of the objective. */
interface Target {
  readonly objective: ObjectiveName | '*'
  readonly field?: keyof PhaseOptions
  readonly option?: string
  /** What the flag stands for when it is set; the value itself without. */
  readonly value?: Value | readonly string[]
}

const positive = { min: 0 }
const epochs = { min: 0, whole: true }

/** The options of phases: those of the original, and the usual ones. Everything else is reached by --set. */
export const phaseOptions: Readonly<{
  'rce-epochs': Option<number | undefined>
  'rce-lr': Option<number | undefined>
  'rce-temp-start': Option<number | undefined>
  'rce-temp-end': Option<number | undefined>
  'rce-use-raw-reward': Option<boolean>
  'rce-use-normalized-reward': Option<boolean>
  'use-top1-only': Option<boolean>
  'listwise-epochs': Option<number | undefined>
  'listwise-lr': Option<number | undefined>
  'listwise-temp': Option<number | undefined>
  'grpo-epochs': Option<number | undefined>
  'grpo-lr': Option<number | undefined>
  'kl-beta': Option<number | undefined>
  'disable-adaptive-kl': Option<boolean>
  'use-ppo-clip-only': Option<boolean>
  'clip-epsilon': Option<number | undefined>
  'num-iterations': Option<number | undefined>
  'importance-sampling-mode': Option<'none' | 'truncate' | 'mask' | undefined>
  'importance-sampling-cap': Option<number | undefined>
  'freeze-backbone': Option<boolean>
  'batch-size': Option<number | undefined>
  dropout: Option<number | undefined>
  'weight-decay': Option<number | undefined>
  'clip-norm': Option<number | undefined>
  'label-smoothing': Option<number | undefined>
  schedule: Option<'constant' | 'cosine' | undefined>
  warmup: Option<number | undefined>
  patience: Option<number | undefined>
  set: Option<readonly string[]>
}> = {
  'rce-epochs': number('epochs of RCE', { ...epochs, shown: 'of the preset' }),
  'rce-lr': number('learning rate of RCE', { ...positive, shown: '1e-4' }),
  'rce-temp-start': number('temperature of the RCE weights at the first step', { ...positive, shown: '2' }),
  'rce-temp-end': number('and at the last', { ...positive, shown: '0.5' }),
  'rce-use-raw-reward': flag('RCE weights of raw rewards'),
  'rce-use-normalized-reward': flag('RCE weights of normalised rewards, the default'),
  'use-top1-only': flag('RCE on the best pointer of a group only'),
  'listwise-epochs': number('epochs of the listwise objective', { ...epochs, shown: 'of the preset' }),
  'listwise-lr': number('its learning rate', { ...positive, shown: 'of the preset' }),
  'listwise-temp': number('temperature of its target', { ...positive, shown: 'of the preset, or 0.2' }),
  'grpo-epochs': number('epochs of GRPO, after all else', { ...epochs, shown: '0' }),
  'grpo-lr': number('its learning rate', { ...positive, shown: '1e-5' }),
  'kl-beta': number('coefficient of the KL term in GRPO', { ...positive, shown: '0.1' }),
  'disable-adaptive-kl': flag('the KL coefficient stays'),
  'use-ppo-clip-only': flag('GRPO without the KL term'),
  'clip-epsilon': number('clipping of the ratio in GRPO, below 1', { ...positive, shown: '0.2' }),
  'num-iterations': number('GRPO: epochs against one old policy, of those that --grpo-epochs counts', {
    min: 1,
    whole: true,
    shown: '1',
  }),
  'importance-sampling-mode': choice(
    'GRPO: weigh pointers by the old policy over the one that proposed them; a weight above the cap is cut or counts 0',
    ['none', 'truncate', 'mask'],
    { shown: 'none' },
  ),
  'importance-sampling-cap': number('largest weight, where 1 is the mean of a group', {
    ...positive,
    shown: '2',
  }),
  'freeze-backbone': flag('GRPO does not train the projections', {
    default: false,
    aliases: ['freeze-backbone-in-grpo'],
  }),
  'batch-size': number('queries a step', { min: 1, whole: true, shown: 'of the preset' }),
  dropout: number(
    'share of features dropped in training, in every phase, so in GRPO too (of attention weights: --set *.attentionDropout=0.1)',
    {
      min: 0,
      max: 0.99,
      shown: 'of the preset',
    },
  ),
  'weight-decay': number('weight decay of AdamW', { ...positive, shown: '0.01' }),
  'clip-norm': number('limit of the gradient norm', { ...positive, shown: '1' }),
  'label-smoothing': number('label smoothing of RCE and SFT', { min: 0, max: 0.99, shown: '0' }),
  schedule: choice('learning rate over a phase', ['constant', 'cosine'], { shown: 'of the preset' }),
  warmup: number('share of the steps in which the rate grows', { min: 0, max: 0.99, shown: '0' }),
  patience: number('stop a phase after so many epochs without a better validation', { min: 1, whole: true }),
  set: list('any setting: PHASE.KEY=VALUE, e.g. grpo.form=cispo rce.top1=best', { default: [], shown: '' }),
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

import { ARCHITECTURE_NAMES } from '@lever/pointer-model'
import type { ArchitectureName } from '@lever/pointer-model'
import { PRESET_NAMES, PRESETS, SFT_PRESET } from '../presets.ts'
import type { Preset, PresetName } from '../presets.ts'
import {
  DATA_SETTINGS,
  FLOOR_SETTING,
  LABEL_SETTINGS,
  OUTPUT_SETTINGS,
  RUN_SETTINGS,
  SEED_SETTING,
  SET_SETTING,
  START_SETTINGS,
} from './file-settings.ts'
import { COMMON_SETTINGS, RL_SETTINGS, SUPERVISED_SETTINGS } from './phase-settings.ts'
import { REWARD_SETTINGS } from './reward-settings.ts'
import { describeDefaults, phaseSchema } from './schema.ts'

type PresetSetting = {
  readonly type: 'text'
  readonly about: string
  readonly choices: readonly (PresetName | 'auto')[]
  readonly default: 'default'
}

type StartName = 'architecture' | 'hidden' | 'numLayers'

type Start = Omit<typeof START_SETTINGS, StartName> & {
  readonly [K in StartName]: (typeof START_SETTINGS)[K] & { readonly unset: string }
} & { readonly architecture: { readonly choices: readonly ArchitectureName[] } }

interface CommonGroups {
  readonly Output: typeof OUTPUT_SETTINGS
  readonly General: { readonly seed: typeof SEED_SETTING }
}

type CommonTraining = Start &
  typeof COMMON_SETTINGS &
  typeof RUN_SETTINGS & { readonly set: typeof SET_SETTING }

/** The settings of `lever train` under the headings of its help. */
export interface TrainGroups extends CommonGroups {
  readonly Data: typeof DATA_SETTINGS
  readonly Rewards: typeof REWARD_SETTINGS
  readonly Training: {
    readonly preset: PresetSetting
    readonly floor: typeof FLOOR_SETTING
  } & typeof RL_SETTINGS &
    CommonTraining
}

/** The settings of `lever sft` under the headings of its help. */
export interface SftGroups extends CommonGroups {
  readonly Data: Omit<typeof DATA_SETTINGS, 'rlData'> & typeof LABEL_SETTINGS
  readonly Training: typeof SUPERVISED_SETTINGS & CommonTraining
}

const OWN = "the architecture's own"

/** What a new policy is like, with the defaults of presets. */
function startOf(presets: Readonly<Record<string, Preset>>): Start {
  const { architecture, hidden, numLayers, ...rest } = START_SETTINGS
  const unset = (of: (preset: Preset) => unknown): string =>
    describeDefaults(Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, of(preset)])))
  return {
    ...rest,
    architecture: {
      ...architecture,
      choices: ARCHITECTURE_NAMES,
      unset: unset((preset) => preset.architecture),
    },
    hidden: { ...hidden, unset: unset(({ settings }) => settings.hidden ?? OWN) },
    numLayers: {
      ...numLayers,
      unset: unset(({ settings }) => ('layers' in settings ? settings.layers : OWN)),
    },
  }
}

const common: CommonGroups = { Output: OUTPUT_SETTINGS, General: { seed: SEED_SETTING } }

/** The settings of `lever train` in their groups, as help lists them. */
export const TRAIN_SETTINGS: TrainGroups = {
  ...common,
  Data: DATA_SETTINGS,
  Rewards: REWARD_SETTINGS,
  Training: {
    preset: {
      type: 'text',
      about:
        'preset whose phases the other training options change; auto trains three recipes, for three times the time and no prompt more, and delivers the best on validation',
      choices: [...PRESET_NAMES, 'auto'],
      default: 'default',
    },
    ...startOf(PRESETS),
    ...phaseSchema({ ...RL_SETTINGS, ...COMMON_SETTINGS }, PRESETS),
    floor: FLOOR_SETTING,
    set: SET_SETTING,
    ...RUN_SETTINGS,
  },
}

/** The settings of `lever sft` in their groups, as help lists them. */
export const SFT_SETTINGS: SftGroups = {
  ...common,
  Data: { ...DATA_SETTINGS, ...LABEL_SETTINGS },
  Training: {
    ...startOf({ sft: SFT_PRESET }),
    ...phaseSchema({ ...SUPERVISED_SETTINGS, ...COMMON_SETTINGS }, { sft: SFT_PRESET }),
    set: SET_SETTING,
    ...RUN_SETTINGS,
  },
}

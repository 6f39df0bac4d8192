import type { Command } from '../command.ts'

/** A command before it is loaded: a line of `lever --help`. */
export interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** The commands. A new one is a file in this folder and a line here. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: {
    summary: 'the whole pipeline on the bundled world, to a table',
    load: async () => (await import('./demo.ts')).demo,
  },
  embed: {
    summary: 'embeddings of a dataset',
    load: async () => (await import('./embed.ts')).embed,
  },
  beams: {
    summary: 'InfoScore beams, the labels of sft',
    load: async () => (await import('./beams.ts')).beams,
  },
  generate: {
    summary: 'RL data: propose pointers, ask the VQA model, score',
    load: async () => (await import('./generate.ts')).generate,
  },
  worker: {
    summary: 'answers the jobs of generate --queue, on any machine',
    load: async () => (await import('./worker.ts')).worker,
  },
  train: {
    summary: 'RCE, then GRPO if asked, or another recipe',
    load: async () => (await import('./train.ts')).train,
  },
  sweep: {
    summary: 'a grid of trainings from one file, ranked on validation',
    load: async () => (await import('./sweep.ts')).sweep,
  },
  sft: {
    summary: 'supervised policy',
    load: async () => (await import('./sft.ts')).sft,
  },
  evaluate: {
    summary: 'accuracy at 0..K shots against baselines, with intervals',
    load: async () => (await import('./evaluate.ts')).evaluate,
  },
  report: {
    summary: 'report.html of a run, or of several to compare',
    load: async () => (await import('./report.ts')).report,
  },
  score: {
    summary: 'official VQA accuracy of a results file',
    load: async () => (await import('./score.ts')).score,
  },
  'data describe': {
    summary: 'what RL data holds, and what it can teach; or what a dataset holds',
    load: async () => (await import('./data-describe.ts')).dataDescribe,
  },
  'data validate': {
    summary: 'every problem with its place',
    load: async () => (await import('./data-validate.ts')).dataValidate,
  },
  'data convert': {
    summary: 'from any shape to canonical JSON, a journal, or the original',
    load: async () => (await import('./data-convert.ts')).dataConvert,
  },
  'data merge': {
    summary: 'one file out of several, or out of shards',
    load: async () => (await import('./data-merge.ts')).dataMerge,
  },
  'data filter': {
    summary: 'keep a part',
    load: async () => (await import('./data-filter.ts')).dataFilter,
  },
  'checkpoint inspect': {
    summary: 'configuration, phase, metrics, hashes, tensors',
    load: async () => (await import('./checkpoint-inspect.ts')).checkpointInspect,
  },
  'checkpoint convert': {
    summary: 'from PyTorch to safetensors, or back to a state dict',
    load: async () => (await import('./checkpoint-convert.ts')).checkpointConvert,
  },
  doctor: {
    summary: 'what runs on this machine: providers, models, versions',
    load: async () => (await import('./doctor.ts')).doctor,
  },
}

/** Commands that only hold others. */
export const GROUPS: Readonly<Record<string, string>> = {
  data: 'RL data: describe, validate, convert, merge, filter',
  checkpoint: 'checkpoints: inspect, convert',
}

import type { Command } from '../command.ts'

/** A command before it is loaded: a line of `lever --help`. */
export interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** The commands. A new one is a file in this folder and a line here. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: {
    summary: 'run the whole pipeline on the bundled world',
    load: async () => (await import('./demo.ts')).demo,
  },
  embed: {
    summary: 'embed the images and texts of a dataset',
    load: async () => (await import('./embed.ts')).embed,
  },
  beams: {
    summary: 'grow InfoScore beams, the labels of sft',
    load: async () => (await import('./beams.ts')).beams,
  },
  pilot: {
    summary: 'say before anyone pays whether there is anything to win, and what it would cost',
    load: async () => (await import('./pilot.ts')).pilot,
  },
  generate: {
    summary: 'measure RL data: propose pointers, ask the VQA model, score',
    load: async () => (await import('./generate.ts')).generate,
  },
  worker: {
    summary: 'answer the jobs of generate --queue, on any machine',
    load: async () => (await import('./worker.ts')).worker,
  },
  train: {
    summary: 'train a policy on rewards: RCE, then GRPO if asked, or another preset',
    load: async () => (await import('./train.ts')).train,
  },
  improve: {
    summary: 'measure and train in rounds, in which the policy proposes what is measured next',
    load: async () => (await import('./improve.ts')).improve,
  },
  sweep: {
    summary: 'train a grid of policies from one file, ranked on validation',
    load: async () => (await import('./sweep.ts')).sweep,
  },
  sft: {
    summary: 'train a policy on beams',
    load: async () => (await import('./sft.ts')).sft,
  },
  evaluate: {
    summary: 'measure accuracy at 0..K shots against baselines, with intervals',
    load: async () => (await import('./evaluate.ts')).evaluate,
  },
  bundle: {
    summary: 'pack a policy with its library into one folder',
    load: async () => (await import('./bundle.ts')).bundle,
  },
  select: {
    summary: 'choose demonstrations for a question, or for a dataset',
    load: async () => (await import('./select.ts')).select,
  },
  report: {
    summary: 'write report.html about a run, or several to compare',
    load: async () => (await import('./report.ts')).report,
  },
  score: {
    summary: 'compute the official VQA accuracy of a results file',
    load: async () => (await import('./score.ts')).score,
  },
  serve: {
    summary: 'serve a bundle over HTTP: demonstrations, chats, and a page to try it',
    load: async () => (await import('./serve.ts')).serve,
  },
  'data describe': {
    summary: 'describe RL data and what it can teach, or a dataset',
    load: async () => (await import('./data-describe.ts')).dataDescribe,
  },
  'data validate': {
    summary: 'list every problem and where it is',
    load: async () => (await import('./data-validate.ts')).dataValidate,
  },
  'data convert': {
    summary: 'convert any shape to canonical JSON, a journal, or the form of the original',
    load: async () => (await import('./data-convert.ts')).dataConvert,
  },
  'data merge': {
    summary: 'merge several files, or shards, into one',
    load: async () => (await import('./data-merge.ts')).dataMerge,
  },
  'data filter': {
    summary: 'keep part of the data',
    load: async () => (await import('./data-filter.ts')).dataFilter,
  },
  'checkpoint inspect': {
    summary: 'show configuration, phase, metrics, hashes and tensors',
    load: async () => (await import('./checkpoint-inspect.ts')).checkpointInspect,
  },
  'checkpoint convert': {
    summary: 'convert from PyTorch to safetensors, or back to a state dict',
    load: async () => (await import('./checkpoint-convert.ts')).checkpointConvert,
  },
  doctor: {
    summary: 'check what runs on this machine: providers, models, versions',
    load: async () => (await import('./doctor.ts')).doctor,
  },
}

/** Commands that only hold others. */
export const GROUPS: Readonly<Record<string, string>> = {
  data: 'work with RL data: describe, validate, convert, merge, filter',
  checkpoint: 'work with checkpoints: inspect, convert',
}

import type { PoolMethodName } from '@lever/rl-generate'
import type { SelectorChoice } from '@lever/selector'
import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { BUNDLED_MODEL, makeFolderOf, requireNew, requirePath } from '../files.ts'
import { bundleOutputOptions, indexOption } from '../options/bundle.ts'
import { datasetOptions, poolOptions, poolPolicyOption, skipImagesOption } from '../options/data.ts'
import { staticOptions } from '../options/evaluation.ts'
import { modelOptions } from '../options/model.ts'
import { openDataset, partOf, placesOf } from '../pipeline/inputs/dataset.ts'
import { readEmbeddings } from '../pipeline/inputs/features.ts'

export const bundle: Command = defineCommand({
  describe:
    'Packs all that a choice needs into one folder: the policy or a baseline, the library with its images and embeddings, and the embedder. lever select and lever serve use it, on any machine.',
  example:
    'lever bundle --policy runs/demo/pointer-listwise/checkpoints/best.safetensors \\\n    --dataset node_modules/@lever/shapes-vqa/world/train --embeddings runs/demo/embeddings/train.safetensors \\\n    --evaluation runs/demo --out runs/bundle',
  async options() {
    const { embedderNames, templateNames } = await import('@lever/vqa-model')
    const { baselineNames, INDEX_FROM } = await import('@lever/selector')
    return {
      Data: {
        ...datasetOptions,
        ...skipImagesOption,
        embeddings: {
          type: 'text',
          about: 'embeddings of the dataset (lever embed), the ones that the policy was trained on',
          required: true,
        },
        evaluation: {
          type: 'text',
          about: 'run directory of lever evaluate whose results the bundle carries along',
        },
        staticData: {
          ...staticOptions.staticData,
          about: 'RL data from whose main effects static chooses',
          unset: 'what the training of the policy found, where it chooses by that',
        },
        staticReward: staticOptions.staticReward,
        poolMethod: { ...poolOptions.poolMethod, unset: "the policy's own" },
        poolPolicy: poolPolicyOption,
        poolSize: { ...poolOptions.poolSize, unset: "the policy's own, or 64" },
      },
      Model: {
        policy: {
          type: 'text',
          about: 'checkpoint of the policy',
          unset: 'none: --selector names a baseline',
          aliases: ['checkpoint'],
        },
        selector: {
          type: 'text',
          about: `what chooses where a question does not say: policy, or a baseline: ${baselineNames().join(', ')}, and static with --static-data`,
          unset: 'what training chose',
        },
        embedder: {
          type: 'text',
          about: 'embedder that made the embeddings',
          choices: embedderNames,
          default: 'vision-pool',
        },
        model: {
          ...modelOptions.model,
          about: "model of the embedder: a folder, or a downloaded model's id",
        },
        template: {
          type: 'text',
          about: 'prompt template',
          choices: templateNames,
          unset: 'that of --evaluation, or the one of the model',
        },
      },
      Evaluation: {
        shots: {
          type: 'number',
          about: 'demonstrations where a question does not say',
          default: 2,
          min: 1,
          whole: true,
        },
      },
      Output: { ...bundleOutputOptions, index: indexOption(INDEX_FROM) },
      General: {
        seed: {
          type: 'number',
          about: 'seed of pools and draws',
          min: 0,
          whole: true,
          unset: "that of the policy's pools, or 0",
        },
      },
    }
  },
  interrupted: () => CONTINUES,
  async run(options, { progress, signal }) {
    const { out, model = BUNDLED_MODEL, evaluation: run, selector, policy } = options
    await requireNew(out, '--out')
    await requirePath(options.embeddings, '--embeddings')
    if (policy !== undefined) await requirePath(policy, '--policy')
    if (options.poolPolicy !== undefined) await requirePath(options.poolPolicy, '--pool-policy')
    const { bundleText, readEvaluation, writeBundle } = await import('@lever/selector')
    const evaluation = run === undefined ? null : await readEvaluation(run)
    const whole = await openDataset(placesOf(options).place, progress)
    const embeddings = await readEmbeddings(
      options.embeddings,
      whole.examples.map(({ id }) => id),
    )
    const rows = new Set(embeddings.ids)
    const dataset = options.skipUnreadableImages ? partOf(whole, ({ id }) => rows.has(id)) : whole
    await makeFolderOf(out, '--out')
    const stages = new Map<string, ReturnType<typeof progress.stage>>()
    const manifest = await writeBundle({
      ...{ out, dataset, embeddings, policy, evaluation, signal },
      selector: selector as SelectorChoice | undefined,
      ...{ embedder: options.embedder, embedderModel: model, shots: options.shots },
      ...{ template: options.template, staticData: options.staticData, staticReward: options.staticReward },
      poolMethod: options.poolMethod as PoolMethodName | undefined,
      poolPolicy: options.poolPolicy,
      ...{ poolSize: options.poolSize, seed: options.seed },
      ...{ includeImages: options.copyImages, thumbnails: options.thumbnails },
      ...{ includeEmbedder: options.copyEmbedder, licences: options.licence },
      index: options.index ? true : undefined,
      onNotice: (notice) => progress.warn(notice),
      onProgress(name, done, total) {
        const stage = stages.get(name) ?? progress.stage(name, { total })
        stages.set(name, stage)
        stage.update(done)
      },
    })
    for (const stage of stages.values()) stage.end()
    const next = [
      'What to try next:',
      `  npx lever select --bundle ${out} --image FILE --question TEXT`,
      `  npx lever serve --bundle ${out}`,
    ]
    return { json: { out, ...manifest }, text: [`${out}: ${bundleText(manifest)}`, ...next].join('\n') }
  },
})

import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { number, text } from '../options.ts'
import { runDemo } from '../pipeline/demo/demo.ts'
import { demoResult } from '../pipeline/demo/demo-report.ts'
import { RECIPE } from '../pipeline/demo/recipe.ts'

export const demo: Command = defineCommand({
  describe:
    'The whole pipeline on the bundled world: embeds, measures rewards with a real model, trains two policies, evaluates them on unseen questions. Interrupted and started again, it continues.',
  example: 'lever demo --seed 1 --out runs/demo-1',
  options: {
    out: text('run directory', { default: 'runs/demo' }),
    seed: number('seed of everything', { default: 0, min: 0, whole: true }),
    queries: number('only so many questions of each split: quicker, and less sure', {
      min: 8,
      whole: true,
      shown: 'all',
    }),
    workers: number('worker threads of the model', { default: 2, min: 1, max: 64, whole: true }),
  },
  async run({ out, seed, queries, workers }, context) {
    const { generate, evaluate } = RECIPE
    const some = queries === undefined ? {} : { queries }
    const recipe = { ...RECIPE, generate: { ...generate, ...some }, evaluate: { ...evaluate, ...some } }
    const settings = { out, seed, recipe, workers }
    const { path, manifest } = await runDemo(settings, context)
    return demoResult(path, manifest, settings)
  },
})

import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { runDemo } from '../pipeline/demo/demo.ts'
import { demoResult } from '../pipeline/demo/demo-report.ts'
import { RECIPES, WORLDS } from '../pipeline/demo/recipe.ts'

export const demo: Command = defineCommand({
  describe:
    'Runs the whole pipeline on the bundled world: embeds, measures rewards with a real model, trains two policies on them and one on labels that need no model, and evaluates them on unseen questions. Run again after an interruption, it continues.',
  example: 'lever demo --seed 1 --out runs/demo-1',
  options: {
    Data: {
      world: {
        type: 'text',
        about:
          'bundled world: copying, where a demonstration may hold the answer, or composition, where every demonstration tells half of it at most',
        choices: WORLDS,
        default: 'copying',
      },
      queries: {
        type: 'number',
        about: 'number of questions to take from each split; fewer are quicker and less certain',
        min: 8,
        whole: true,
        unset: 'all',
      },
    },
    Model: {
      workers: {
        type: 'number',
        about: 'worker threads of the model',
        default: 2,
        min: 1,
        max: 64,
        whole: true,
      },
    },
    Output: { out: { type: 'text', about: 'run directory', default: 'runs/demo' } },
    General: { seed: { type: 'number', about: 'seed of everything', default: 0, min: 0, whole: true } },
  },
  interrupted: () => CONTINUES,
  async run({ world, out, seed, queries, workers }, context) {
    const { generate, evaluate } = RECIPES[world]
    const some = queries === undefined ? {} : { queries }
    const recipe = {
      ...RECIPES[world],
      generate: { ...generate, ...some },
      evaluate: { ...evaluate, ...some },
    }
    const settings = { out, seed, recipe, workers }
    const { path, manifest } = await runDemo(settings, context)
    return demoResult(path, manifest, settings)
  },
})

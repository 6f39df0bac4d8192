import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import * as durableFiles from '@lever/durable-files'
import * as grpoTrainer from '@lever/grpo-trainer'
import * as iclEval from '@lever/icl-eval'
import * as jsonText from '@lever/json-text/node'
import * as onnxGrad from '@lever/onnx-grad'
import * as pointerModel from '@lever/pointer-model'
import * as retrieval from '@lever/retrieval'
import * as rewardUtils from '@lever/reward-utils'
import * as rlDataset from '@lever/rl-dataset'
import * as rlDatasetNode from '@lever/rl-dataset/node'
import * as rlGenerate from '@lever/rl-generate'
import * as rlGenerateQueue from '@lever/rl-generate/queue'
import * as selector from '@lever/selector'
import * as server from '@lever/server'
import * as terminal from '@lever/terminal'
import * as vqaDataset from '@lever/vqa-dataset'
import * as vqaEval from '@lever/vqa-eval'
import * as vqaEvalNode from '@lever/vqa-eval/node'
import * as vqaModel from '@lever/vqa-model'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PACKAGES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...{
    'durable-files': durableFiles,
    'grpo-trainer': grpoTrainer,
    'icl-eval': iclEval,
    'json-text': jsonText,
  },
  ...{ 'onnx-grad': onnxGrad, 'pointer-model': pointerModel, retrieval, 'reward-utils': rewardUtils },
  ...{
    'rl-dataset': { ...rlDataset, ...rlDatasetNode },
    'rl-generate': { ...rlGenerate, ...rlGenerateQueue },
  },
  ...{ selector, server, terminal, 'vqa-dataset': vqaDataset },
  ...{ 'vqa-eval': { ...vqaEval, ...vqaEvalNode }, 'vqa-model': vqaModel },
}

/** Functions that hand their options on, whole, to one that checks them, or that take data in place of options. */
const HAND_ON = new Set([
  ...['similarityBoth', 'similarityImage', 'similarityText', 'searchVectors', 'promptFor', 'readLoadOptions'],
  ...['openVqaModel', 'readProtocol', 'resolvePhase', 'resolveConfig', 'resolveOptions', 'createSelector'],
  ...['modelOptions', 'sum', 'mean', 'max', 'sumSquares', 'adamWNumbers', 'checkEvaluation', 'measureHeader'],
  ...[
    'planTraining',
    'planSft',
    'planAgreement',
    'planMember',
    'readGridOptions',
    'phasesOf',
    'readSettings',
    'backendOf',
    'runTraining',
    'runSft',
    'readOfficial',
  ],
])

/** Exported functions with options, by their headers in the sources: package, name, position of the options. */
function functionsWithOptions(name: string): { readonly name: string; readonly at: number }[] {
  const folder = `${ROOT}/packages/${name}/src`
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts'))
  return files.flatMap((file) => {
    const source = readFileSync(`${folder}/${file}`, 'utf8')
    const headers = source.matchAll(
      /^export (?:async )?function\*? ?(\w+)(?:<[^(]*>)?\(([^]*?)\)(?:: [^\n]+)? \{$/gm,
    )
    return Array.from(headers, ([, found = '', list = '']) => ({ name: found, list }))
      .filter((one) => typeof PACKAGES[name]![one.name] === 'function' && !HAND_ON.has(one.name))
      .flatMap(({ name: found, list }) => {
        const at = parametersOf(list).findIndex((one) =>
          /^\w+\??: \w*(Options|Settings)(<[^=]*>)?( = \{\})?,?$/.test(one),
        )
        return at === -1 ? [] : [{ name: found, at }]
      })
  })
}

function parametersOf(list: string): string[] {
  let depth = 0
  const parts = ['']
  for (const sign of list.trim()) {
    if ('<({['.includes(sign)) depth++
    if ('>)}]'.includes(sign)) depth--
    if (sign === ',' && depth === 0) parts.push('')
    else parts.push(parts.pop()! + sign)
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** Calls a function, takes the first event of a generator, awaits a promise. */
async function call(run: (...values: unknown[]) => unknown, values: readonly unknown[]): Promise<unknown> {
  const result = await run(...values)
  const isGenerator = typeof (result as { next?: unknown } | undefined)?.next === 'function'
  return isGenerator ? (result as AsyncGenerator).next() : result
}

describe.each(Object.keys(PACKAGES))('%s', (name) => {
  const functions = functionsWithOptions(name)

  test.each(functions)('$name refuses an option that does not exist', async (found) => {
    const values = [...Array.from({ length: found.at }, () => ({})), { optionThatIsNot: 1 }]
    const run = PACKAGES[name]![found.name] as (...values: unknown[]) => unknown
    await expect(call(run, values)).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringMatching(
        new RegExp(`^${name}: .+ has no option "optionThatIsNot"; (choose|did|there)`),
      ) as unknown,
    })
  })
})

test('functions with options are found in their sources', () => {
  const count = Object.keys(PACKAGES).reduce((sum, name) => sum + functionsWithOptions(name).length, 0)
  expect(count).toBeGreaterThan(95)
})

import { all, run, writeFiles } from './project.mjs'

const hopeful = (type) => `import { computeReward } from '@lever/reward-utils'

/** Right answers count 1; wrong ones keep half of the probability that the model gave to right ones. */
export const hopeful = ({ vqa_correct, vqa_gt_prob = 0 }${type}) => (vqa_correct === 1 ? 1 : 0.5 * vqa_gt_prob)

export const worth = (outcome${type}) => computeReward(outcome, { mode: hopeful })
`
const OUTCOME = ': { vqa_correct: number; vqa_gt_prob?: number }'

/** A reward mode of one's own, a built-in one, what is refused, and the official metric. */
const TEST = `import { computeGroupRewards } from '@lever/reward-utils'
import { scoreAnswer } from '@lever/vqa-eval'
import { worth } from './hopeful'

test('my reward mode', () => {
  expect(worth({ vqa_correct: 1 })).toBe(1)
  expect(worth({ vqa_correct: 0, vqa_gt_prob: 0.4 })).toBeCloseTo(0.2)
})

test('a mode of the package, and what is refused', () => {
  const rewards = computeGroupRewards([{ vqa_correct: 1, vqa_acc_score: 0.9 }, { vqa_correct: 0, vqa_acc_score: 0.3 }])
  expect(Array.from(rewards)).toEqual([1.9, 0.3])
  let error
  try { computeGroupRewards([{ vqa_correct: 1 }]) } catch (thrown) { error = thrown }
  expect(error.code).toBe('LEVER_INPUT')
})

test('the official metric', () => {
  const humans = ['net', 'net', 'net', 'netting', 'net', 'mesh', 'net', 'net', 'net', 'net']
  expect(scoreAnswer('The net.', humans).accuracy).toBe(1)
  expect(scoreAnswer('mesh', humans).accuracy).toBeCloseTo(0.3)
})
`

const JEST = ['node_modules/jest/bin/jest.js', '--ci', '--rootDir']

/** A project per test runner: its files, and how it is started. */
const RUNNERS = {
  'jest with babel-jest': {
    files: {
      'package.json': { private: true },
      'babel.config.cjs': `module.exports = { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] }\n`,
      'jest.config.cjs': 'module.exports = {}\n',
      'hopeful.js': hopeful(''),
      'mode.test.js': TEST,
    },
    args: (folder) => [...JEST, folder, '--config', `${folder}/jest.config.cjs`],
  },
  'ts-jest': {
    files: {
      'package.json': { private: true },
      'tsconfig.json': {
        compilerOptions: { strict: false, module: 'commonjs', moduleResolution: 'node10', target: 'es2022' },
      },
      'jest.config.cjs': `module.exports = { preset: 'ts-jest' }\n`,
      'hopeful.ts': hopeful(OUTCOME),
      'mode.test.ts': `import { expect, test } from '@jest/globals'\n${TEST}`,
    },
    args: (folder) => [...JEST, folder, '--config', `${folder}/jest.config.cjs`],
  },
  '@swc/jest': {
    files: {
      'package.json': { private: true },
      'jest.config.cjs': `module.exports = { transform: { '\\\\.[jt]s$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] } }\n`,
      'hopeful.ts': hopeful(OUTCOME),
      'mode.test.ts': TEST,
    },
    args: (folder) => [...JEST, folder, '--config', `${folder}/jest.config.cjs`],
  },
  vitest: {
    files: {
      'package.json': { private: true, type: 'module' },
      'vitest.config.js': 'export default { test: { globals: true } }\n',
      'hopeful.ts': hopeful(OUTCOME),
      'mode.test.ts': TEST,
    },
    args: (folder) => ['node_modules/vitest/vitest.mjs', 'run', '--root', folder],
  },
  'node:test': {
    files: {
      'package.json': { private: true, type: 'module' },
      'hopeful.js': hopeful(''),
      'mode.test.js': nodeTest(),
    },
    args: (folder) => ['--test', `${folder}/mode.test.js`],
    everyNode: true,
  },
}

/** The same test by node:assert. */
function nodeTest() {
  const asserted = TEST.replace("'./hopeful'", "'./hopeful.js'")
    .replace(/expect\(([^\n]+)\)\.toBeCloseTo\(([^\n]+)\)/g, 'assert.ok(Math.abs($1 - $2) < 1e-9)')
    .replace(/expect\(([^\n]+)\)\.toBe\(([^\n]+)\)/g, 'assert.equal($1, $2)')
    .replace(/expect\(([^\n]+)\)\.toEqual\(([^\n]+)\)/g, 'assert.deepEqual($1, $2)')
  return `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\n${asserted}`
}

/** Runs every runner's project; three tests must pass in each. */
export async function checkRunners(project, nodes) {
  await all(
    Object.entries(RUNNERS).map(async ([name, { files, args, everyNode = false }]) => {
      const folder = `runners/${name.replace(/[^a-z]+/g, '-')}`
      await writeFiles(`${project}/${folder}`, files)
      for (const node of everyNode ? nodes : nodes.slice(0, 1)) {
        const { stdout, stderr } = await run(project, node.path, args(folder))
        if (!/(3 passed|# pass 3|ℹ pass 3)/.test(stdout + stderr)) {
          throw new Error(
            `${name} on Node ${node.version} did not run the three tests:\n${stdout}\n${stderr}`,
          )
        }
      }
    }),
  )
}

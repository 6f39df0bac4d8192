import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { runCommand } from '../src/cli.ts'
import { COMMANDS } from '../src/commands/index.ts'
import { lever, scratch } from './support/lever.ts'

const names = Object.keys(COMMANDS)

/** What a command line that is wrong says, without a process of its own. */
async function refusal(args: readonly string[]): Promise<string> {
  const open = (): never => {
    throw new Error('the command was run')
  }
  try {
    await runCommand(args, open)
    return 'accepted'
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'LEVER_INPUT' ? message : String(error)
  }
}

describe('usage', () => {
  test.each(names)('lever %s refuses an unknown flag and names the nearest', async (name) => {
    expect(await refusal([...name.split(' '), '--jsno'])).toBe(
      'there is no option --jsno; did you mean --json?',
    )
  })

  test('in a process: exit code 2, one sentence on stderr, nothing on stdout', async () => {
    const { code, stdout, stderr } = await lever(['demo', '--jsno'])
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'lever: there is no option --jsno; did you mean --json?\n',
    })
  })

  test('an unknown command, and none', async () => {
    expect(await refusal(['evalaute'])).toBe('there is no command "evalaute"; did you mean evaluate?')
    expect(await refusal(['data', 'valdate'])).toBe('there is no command "valdate"; did you mean validate?')
    expect(await refusal(['zzz'])).toBe('there is no command "zzz"; see lever --help')
    expect(await refusal(['data'])).toMatch(/^a command is missing; lever data knows describe, /)
    expect(await lever([])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^lever: a command is missing; .*\n$/),
    })
  })

  test('help goes to stdout, quickly and for every command', async () => {
    const { code, stdout } = await lever(['--help'])
    expect(code).toBe(0)
    for (const name of names) expect(stdout).toContain(name.split(' ')[0])
    const help = await lever(['generate', '--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('--pool-size')
  })

  test('a wrong value says what was given and what is wanted', async () => {
    expect(await refusal(['demo', '--seed', 'seven'])).toBe('--seed is "seven"; give a whole number from 0')
    expect(await refusal(['demo', '--seed', '1', '--seed', '2'])).toBe(
      '--seed is given 2 times; give a whole number from 0',
    )
    expect(await refusal(['demo', '--seed'])).toBe('--seed has no value; give a whole number from 0')
    expect(await refusal(['demo', '--out'])).toBe('--out has no value; give a value')
    expect(await refusal(['demo', 'now'])).toContain('does not know what to do with "now"')
    expect(await refusal(['data', 'validate'])).toContain('needs file')
    expect(await refusal(['data', 'merge', 'a', 'b'])).toBe('--out is missing; see lever data merge --help')
  })

  test('--debug shows the stack', async () => {
    const { stderr } = await lever([
      'score',
      '--annotations',
      'none.json',
      '--results',
      'none.json',
      '--debug',
    ])
    expect(stderr).toMatch(/^lever: --annotations: there is no file none.json; check the path\nInputError/)
    expect(stderr).toContain('    at ')
  })
})

describe('--config', () => {
  const file = (text: string): string => {
    const path = join(scratch(), 'options.yaml')
    writeFileSync(path, text)
    return path
  }

  test.each([
    ['seed: [1, 2\n', ':2:1: not valid YAML'],
    ['sede: 1\n', 'there is no option sede; did you mean seed?'],
    ['seed: one\n', 'seed is "one"; give a whole number'],
    ['seed: 1\nseed: 2\n', 'not valid YAML: Map keys must be unique'],
    ['seed: {a: 1}\n', '"seed" is a map'],
    ['- seed\n', 'must map option names to values'],
    ['pool_size: 5\npool-size: 6\n', '"pool-size" is given twice'],
  ])('refuses %j', async (text, message) => {
    const path = file(text)
    const refused = await refusal(['generate', '--config', path, '--out', 'x'])
    expect(refused).toContain(path)
    expect(refused).toContain(message)
  })

  test('gives options in either spelling, and flags win', async () => {
    const path = file('seed: 3\nallow_partial: true\nannotations: from-file.json\nresults: r.json\n')
    expect((await lever(['score', '--config', path])).stderr).toContain('no file from-file.json')
    expect((await lever(['score', '--config', path, '--annotations', 'flag.json'])).stderr).toContain(
      'no file flag.json',
    )
  })

  test('a missing file', async () => {
    expect(await refusal(['demo', '--config', 'nothing.yaml'])).toBe(
      '--config: cannot read nothing.yaml (no such file); give the path of a YAML file',
    )
  })
})

test('negative numbers after a space are values, also at the head of a list', async () => {
  const files = ['train', '--rl-data', 'none.json', '--embeddings', 'e', '--out', 'x']
  for (const flags of [
    ['--reward-clip', '-1,1'],
    ['--reward-clip', '-5', '5'],
    ['--reward_clip=-1,1'],
    ['--soft-weight', '-1e-3', '--hard-weight', '-.5'],
    ['--shot-weights', '-0.5,1', '-2'],
  ]) {
    expect((await lever([...files, ...flags])).stderr).toContain('none.json')
  }
  expect(await refusal([...files, '--reward-clip', '-1'])).toBe('--reward-clip has 1 number; give 2')
  expect(await refusal([...files, '--rce-lr', '-1,5'])).toBe('--rce-lr is "-1,5"; give a number from 0')
}, 60_000)

test('help shows the options under headings', async () => {
  const { stdout } = await lever(['generate', '--help'])
  const headings = stdout.match(/^[A-Z]\w+:$/gm)
  expect(headings).toEqual([
    'Data:',
    'Model:',
    'Proposals:',
    'Rewards:',
    'Queue:',
    'Output:',
    'General:',
    'Example:',
  ])
  expect(stdout).toMatch(/^ {2}--job-size .*\(with --queue\)/m)
})

test('flags of the original work in snake_case, and by their old names', async () => {
  const { stderr } = await lever([
    'generate',
    '--shot_num',
    '3',
    '--num_random',
    '2',
    '--output_dir',
    '/x',
    '--dataset',
    'none',
  ])
  expect(stderr).toBe('lever: --dataset: there is no folder none; check the path\n')
  const twice = await refusal(['generate', '--shot_num', '3', '--shots', '2', '--output_dir', '/x'])
  expect(twice).toBe('--shots is given twice, under two of its names: --shot-num and --shots; give it once')
})

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { runCommand } from '../src/cli.ts'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 12)
const script = join(root, 'model.mjs')
writeFileSync(script, 'export default () => "red"\n')

const scripted = ['--backend', 'scripted', '--model', script]
const servers = ['--backend', 'openai', '--base-url', 'http://127.0.0.1:1/v1']
const redis = ['--queue', 'redis://127.0.0.1:1']

/** What a command says that is refused before it does anything. */
async function refusal(...args: string[]): Promise<string> {
  const [command] = args as [string]
  const out = ['generate', 'evaluate', 'beams'].includes(command) ? ['--out', join(root, 'run')] : []
  const { code, stdout, stderr } = await lever([...args, ...out, '--quiet'])
  expect({ code, stdout, made: existsSync(join(root, 'run')) }).toEqual({ code: 2, stdout: '', made: false })
  return stderr
}

test.each([
  [
    ['--concurrency', '4'],
    '--concurrency applies only to --backend openai, and has no effect with --backend onnx',
  ],
  [['--extra-body', '{}'], '--extra-body applies only to --backend openai'],
  [['--timeout', '120'], '--timeout applies only to --backend openai'],
  [['--base-url', 'http://x/v1'], '--base-url applies only to --backend openai'],
  [[...scripted, '--concurrency', '64'], 'and has no effect with --backend scripted; leave it out'],
  [[...scripted, '--template', 'shapes'], '--template applies only to --backend onnx and openai'],
  [[...scripted, '--max-new-tokens', '5'], '--max-new-tokens applies only to --backend onnx and openai'],
  [[...scripted, '--device', 'cpu,cpu'], '--device applies only to --backend onnx'],
  [[...scripted, '--workers', '2'], '--workers applies only to --backend onnx'],
  [
    [...servers, '--dtype', 'q4'],
    '--dtype applies only to --backend onnx, and has no effect with --backend openai',
  ],
  [[...servers, '--threads', '0'], '--threads applies only to --backend onnx'],
  [[...servers, '--image-cache', '100'], '--image-cache applies only to --backend onnx'],
  [['--extra-body', '{}', '--dry-run'], '--extra-body applies only to --backend openai'],
  [
    [...redis, '--workers', '2'],
    '--workers has no effect with --queue; lever worker processes run the model',
  ],
  [[...redis, '--device', 'cuda'], '--device has no effect with --queue'],
  [[...redis, '--image-cache', '0'], '--image-cache has no effect with --queue'],
  [[...redis, ...servers, '--concurrency', '3'], '--concurrency has no effect with --queue'],
  [
    [...redis, '--batch-size', '10'],
    '--batch-size has no effect with --queue; a job of the queue is a call there; give --job-size',
  ],
  [['--job-size', '10'], '--job-size has no effect without --queue; give --queue, or leave it out'],
  [['--queue-name', 'b'], '--queue-name has no effect without --queue'],
])('generate %p is refused before anything is read', async (flags, message) => {
  const args = ['generate', '--dataset', 'nowhere', '--out', join(root, 'run'), ...flags]
  const refused = runCommand(args, () => ({}) as never)
  await expect(refused).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining(message) as unknown,
  })
})

test('evaluate, beams and worker refuse what their backend has no use for', async () => {
  const data = ['--dataset', folder, '--pool-size', '6']
  expect(await refusal('evaluate', ...data, '--selectors', 'random', '--concurrency', '2')).toContain(
    '--concurrency applies only to --backend openai',
  )
  expect(
    await refusal('evaluate', ...data, '--selectors', 'random', ...scripted, '--workers', '1'),
  ).toContain('--workers applies only to --backend onnx')
  expect(await refusal('beams', ...data, '--queries', '2', ...scripted, '--dtype', 'q4')).toContain(
    '--dtype applies only to --backend onnx',
  )
  expect(await refusal('worker', ...redis, ...scripted, '--device', 'cuda')).toContain(
    '--device applies only to --backend onnx',
  )
})

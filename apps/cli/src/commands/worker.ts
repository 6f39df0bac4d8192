import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { list, number, text } from '../options.ts'
import { modelOptions } from '../pipeline/model/model.ts'
import { queueOptions } from '../pipeline/generate/queue-options.ts'
import { runWorker } from '../pipeline/generate/run-worker.ts'

export const worker: Command = defineCommand({
  describe:
    'Answers the jobs of lever generate --queue, as one of any number of workers. Ctrl-C gives its jobs back.',
  example: 'lever worker --queue redis://localhost:6379 --model MODEL --device cuda',
  options: {
    queue: text('redis://host:port or postgres://host/database', { required: true }),
    'queue-name': queueOptions['queue-name'],
    ...modelOptions,
    device: text('onnx: cpu, cuda, cuda:1, webgpu, dml, coreml or auto; or several, as cuda:0,cuda:1', {
      shown: 'cpu',
    }),
    workers: number(
      'jobs at a time, on every device; with --backend onnx each on a thread with a model of its own',
      { min: 1, whole: true, shown: '1' },
    ),
    images: list('image folders on this machine, where the paths of lever generate do not hold', {
      default: [],
    }),
    'idle-seconds': number('end after so long without a job', { min: 0.1, shown: 'never' }),
    'lock-seconds': number('after so long without a sign of life its jobs go to other workers', {
      default: 30,
      min: 0.5,
    }),
  },
  async run(options, context) {
    const report = await runWorker(options, context)
    const { jobs, prompts, late } = report
    return {
      json: report,
      text: `${jobs} jobs, ${prompts} prompts${late > 0 ? `, ${late} jobs too late` : ''}`,
    }
  },
})

import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { modelOptions, queueOptions } from '../options/model.ts'
import { runWorker } from '../pipeline/generate/run-worker.ts'

export const worker: Command = defineCommand({
  describe:
    'Answers the jobs of lever generate --queue, as one of any number of workers. Ctrl-C hands its jobs back.',
  example: 'LEVER_QUEUE=redis://localhost:6379 lever worker --model MODEL --device cuda',
  options: {
    Data: {
      images: {
        type: 'list',
        about: 'image folders on this machine, where it does not have the paths of lever generate',
        default: [],
      },
    },
    Model: {
      ...modelOptions,
      workers: {
        type: 'number',
        about: 'jobs at a time on every device; with --backend onnx, each on a thread with its own model',
        min: 1,
        whole: true,
        default: 1,
      },
    },
    Queue: {
      queue: {
        type: 'text',
        about:
          'queue to take jobs from: a file with its URL, or redis://host:port or postgres://host/database (with a password, anybody on the machine can see it)',
        unset: 'the URL in LEVER_QUEUE',
      },
      queueName: {
        type: 'text',
        about: queueOptions.queueName.about,
        default: queueOptions.queueName.default,
      },
      idleSeconds: {
        type: 'number',
        about: 'seconds without a job after which the worker exits',
        min: 0.1,
        unset: 'never',
      },
      lockSeconds: {
        type: 'number',
        about: 'seconds without a sign of life after which the jobs of this worker go to others',
        default: 30,
        min: 0.5,
      },
    },
  },
  interrupted: () => 'its jobs went back to the queue',
  async run(options, context) {
    const report = await runWorker(options, context)
    const { jobs, prompts, late } = report
    return {
      json: report,
      text: `${jobs} jobs, ${prompts} prompts${late > 0 ? `, ${late} jobs too late` : ''}`,
    }
  },
})
